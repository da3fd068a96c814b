// Draws dense heatmaps on a page and in exported documents; dense_values.js comes before it,
// dense_moves.js after it. Texts enter as text nodes only; the canvas holds nothing but data.

const NAMED = 14; // pixels of a column that has room for its name
const FRAMED = 8; // pixels of a column that has room for a frame
const SPACED = 1.076; // heights of type from one label of a row to the next

const pictures = new WeakMap();

function dense(box, head, bytes, report) {
  if (!pictures.has(box)) pictures.set(box, begin(box));
  const it = pictures.get(box);
  it.report = report;
  if (it.digest !== head.digest) it.opening = opened(head, bytes);
  it.digest = head.digest;
  const turn = (it.turn = {});
  it.opening.then((view) => it.turn === turn && box.isConnected && show(it, { ...view, ...head }));
}

// Children that are strings become text nodes.
function element(tag, name, ...children) {
  const made = document.createElement(tag);
  made.className = name;
  made.append(...children);
  return made;
}

function begin(box) {
  const it = { box, window: null, cursor: null, picked: null, sent: [], shape: "" };
  it.sheet = document.createElement("canvas");
  it.canvas = element("canvas", "");
  it.canvas.tabIndex = 0;
  it.canvas.role = "application";
  it.canvas.ariaRoleDescription = "heatmap";
  for (const name of ["labels", "corner", "axis", "line", "pick", "at", "scale", "buttons"])
    it[name] = element("div", name);
  it.said = element("p", "said");
  const field = element("div", "field", it.canvas, it.line, it.pick, it.at);
  const hint = element("p", "hint", HINT);
  const foot = element("div", "foot", it.scale, it.buttons);
  const picture = element("div", "picture", it.labels, field, it.corner, it.axis);
  box.replaceChildren(picture, it.said, foot, hint);
  listen(it);
  const resized = new ResizeObserver(([{ contentRect }]) => resize(it, contentRect.width));
  try {
    resized.observe(field, { box: "device-pixel-content-box" });
  } catch {
    resized.observe(field); // then a window that moves to another screen is redrawn a little later
  }
  return it;
}

// As wide as its place, in whole pixels of the screen: half a pixel more and a column would be lost.
function resize(it, wide) {
  it.scaled = devicePixelRatio;
  it.canvas.width = Math.floor(wide * it.scaled);
  it.canvas.height = Math.round(it.canvas.clientHeight * it.scaled);
  it.canvas.style.width = `${it.canvas.width / it.scaled}px`;
  draw(it);
}

function show(it, view) {
  it.view = view;
  const shape = [view.rows.length, view.columns, view.slots].join();
  if (it.shape !== shape) {
    it.window = { from: 0, count: view.columns };
    it.cursor = null;
  }
  it.shape = shape;
  const { canvas } = it;
  const high = Math.max(180, Math.min(560, view.rows.length * 30));
  canvas.style.height = `${high}px`;
  labels(it, high / view.rows.length);
  canvas.ariaLabel = `${view.title}: ${view.rows.length} rows, ${view.columns} columns`;
  canvas.textContent = view.rows
    .map((_, row) => words(it, { row, column: strongest(view, row, 0, view.columns) }))
    .join("; ");
  const titles = [view.columnTitle && `${view.columnTitle} →`, view.rowTitle && `${view.rowTitle} ↑`];
  it.corner.replaceChildren(...titles.map((title) => element("span", "", title)));
  it.buttons.lastChild.hidden = view.slots === null;
  legend(it);
  choose(it, view.selected);
  draw(it);
}

// One label for each row, or for every second, third ... where rows are low.
function labels({ labels, view }, high) {
  const every = Math.ceil((SPACED * parseFloat(getComputedStyle(labels).fontSize)) / high);
  const made = view.rows.map((label, row) => {
    const span = Object.assign(element("span", "", label), { title: label, row });
    span.style.height = `${high * every}px`;
    span.style.lineHeight = `${high}px`;
    return span;
  });
  labels.replaceChildren(...made.filter((_, row) => row % every === 0));
}

function legend({ scale, view }) {
  const bar = element("i", "bar");
  const stops = view.shades.filter((_, level) => level % 15 === 1 || level === 255);
  bar.style.background = `linear-gradient(to right, ${stops.map((shade) => `rgb(${shade})`)})`;
  const parts = [element("span", "", "0", bar, `${view.full} ${view.unit}`)];
  const key = (name, text) => parts.push(element("span", "", element("i", name), text));
  if (view.holes) key("hole", "not measured");
  if (view.slots !== null) key("cut", "slots begin");
  scale.replaceChildren(...parts);
}

// ---- drawing

function draw(it) {
  const { box, canvas, sheet, view } = it;
  const { width, height } = canvas;
  if (!view || !it.scaled || !width || !height) return;
  const rows = view.rows.length;
  it.gutter = Math.max(2, Math.round(2 * it.scaled));
  it.spans = spans(view, it.window, width, it.gutter);
  const image = new ImageData(width, rows);
  const pixels = new Uint32Array(image.data.buffer);
  for (let row = 0; row < rows; row++) pool(view, it.spans, row, pixels);
  if (sheet.width !== width || sheet.height !== rows) Object.assign(sheet, { width, height: rows });
  sheet.getContext("2d").putImageData(image, 0, 0);
  const paper = canvas.getContext("2d");
  paper.imageSmoothingEnabled = false;
  paper.clearRect(0, 0, width, height);
  for (let row = 0; row < rows; row++) {
    const [top, bottom] = band(it, row);
    paper.drawImage(sheet, 0, row, width, 1, 0, top, width, bottom - top);
  }
  surroundings(it);
  box.dataset.drawn = +(box.dataset.drawn ?? 0) + 1;
}

// Where a row begins and ends in the picture's own pixels, less the gap under it.
function band({ canvas, scaled, view }, row) {
  const [top, next] = [row, row + 1].map((at) => Math.round((at * canvas.height) / view.rows.length));
  const gap = Math.max(1, Math.round(scaled));
  return [top, row + 1 < view.rows.length ? Math.max(top + 1, next - gap) : next];
}

// Where a column begins, and how wide it is, in pixels of the page.
function place(it, column) {
  const { left, split } = it.spans;
  const { from, count } = it.window;
  const { slots } = it.view;
  const { width } = it.canvas;
  if (!split) return ((column - from) * width) / count / it.scaled;
  if (column < slots) return ((column - from) * left) / (slots - from) / it.scaled;
  const begin = left + it.gutter;
  return (begin + ((column - slots) * (width - begin)) / (from + count - slots)) / it.scaled;
}

const wideness = (it) => it.canvas.width / it.window.count / it.scaled;

function surroundings(it) {
  const { line, spans: found, scaled } = it;
  line.hidden = !found.split;
  line.style.left = `${found.left / scaled}px`;
  line.style.width = `${it.gutter / scaled}px`;
  it.axis.replaceChildren(...(wideness(it) >= NAMED ? names(it) : ticks(it)));
  marks(it);
}

function names(it) {
  const [first, last] = [Math.floor(it.window.from), Math.ceil(it.window.from + it.window.count)];
  const wide = wideness(it);
  const made = [];
  for (let column = first; column < Math.min(last, it.view.columns); column++) {
    const label = it.view.labels[column];
    const name = element("span", wide > 90 ? "level" : "upright", label ?? `${it.view.indices[column]}`);
    name.style.left = `${place(it, column) + wide / 2}px`;
    if (label === undefined) name.classList.add("plain");
    else name.title = label;
    if (wide > 90) name.style.maxWidth = `${wide - 6}px`;
    made.push(name);
  }
  return made;
}

function ticks(it) {
  const across = it.canvas.width / it.scaled;
  const least = (it.window.count * 84) / across;
  const ten = 10 ** Math.floor(Math.log10(least));
  const step = Math.max(1, [1, 2, 5, 10].find((times) => times * ten >= least) * ten);
  const made = [];
  const end = Math.min(it.window.from + it.window.count, it.view.columns);
  for (let column = Math.ceil(it.window.from / step) * step; column < end; column += step) {
    const left = place(it, column) + Math.min(wideness(it) / 2, across);
    const tick = element("span", "tick", element("b", "", `${it.view.indices[column]}`));
    tick.style.left = `${left}px`;
    if (left < 20) tick.classList.add("first");
    if (left > across - 30) tick.classList.add("last");
    made.push(tick);
  }
  return made;
}

function marks(it) {
  mark(it, it.pick, columnOf(it.view, it.picked));
  mark(it, it.at, it.cursor ? it.cursor.column : -1);
  for (const label of it.labels.children)
    label.classList.toggle("here", label.row === it.cursor?.row);
}

function mark(it, element, column) {
  const { from, count } = it.window;
  element.hidden = !(column > from - 1 && column < from + count);
  if (element.hidden) return;
  const wide = wideness(it);
  element.style.left = `${place(it, column)}px`;
  element.style.width = `${wide}px`;
  element.classList.toggle("framed", wide >= FRAMED);
}

function columnOf(view, feature) {
  const start = `${view.place}/`;
  return feature?.startsWith(start) ? view.indices.indexOf(+feature.slice(start.length)) : -1;
}
