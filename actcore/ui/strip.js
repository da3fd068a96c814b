// Draws token strips. What to draw comes whole from strips.py on every run; what stayed the same
// keeps its elements. Tokens enter as text nodes and attribute values only. Moving and picking is
// in strip_moves.js, the second half of this module.

const EMERALD = [52, 211, 153]; // this, THRESHOLD, opacity and textOn: as in views/palette.py
const THRESHOLD = 5e-5;

const grids = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const box = parentElement.querySelector(".strips");
  if (!grids.has(box)) grids.set(box, begin(box));
  const grid = grids.get(box);
  grid.report = (row, position) => setTriggerValue("pick", { row, position });
  if (grid.data !== data) grid.view = unpacked(data);
  grid.data = data;
  grid.view.then((view) => grid.data === data && box.isConnected && show(grid, view));
}

async function unpacked(bytes) {
  const open = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const view = await new Response(open).json();
  for (const prompt of view.prompts) prompt.special = new Set(prompt.special);
  return view;
}

function begin(box) {
  const [table, line] = box.children;
  const grid = { box, table, line, rows: new Map(), stop: null, column: 0, picked: null, sent: [] };
  table.addEventListener("click", (event) => click(grid, event));
  table.addEventListener("keydown", (event) => key(grid, event));
  table.addEventListener("focusin", (event) => say(grid, event.target));
  table.addEventListener("pointerover", (event) => say(grid, event.target));
  table.addEventListener("pointerleave", () => say(grid, focused(grid)));
  return grid;
}

// ---- drawing

function show(grid, view) {
  const { box, table } = grid;
  const held = focused(grid);
  const before = [...grid.rows.keys()];
  const prompts = view.prompts.map((prompt) => JSON.stringify([prompt, [...prompt.special]]));
  const rows = new Map();
  for (const data of view.rows) {
    const { scale, ...rest } = data;
    const content = JSON.stringify([rest, prompts[data.prompt], view.unit, view.tokensPerRow]);
    const old = grid.rows.get(data.key);
    const row = old?.content === content ? old : build(data, view.prompts[data.prompt], view);
    rows.set(data.key, Object.assign(row, { content, data }));
  }
  grid.rows = rows;
  arrange(table, [...rows.values()].map((row) => row.element));
  table.ariaLabel = view.title;
  table.ariaRowCount = rows.size;
  box.classList.toggle("valued", view.values);
  box.classList.toggle("apart", !view.specialsOnScale);
  colour(grid, view);
  choose(grid, view.selected);
  keep(grid, held, before);
  say(grid, focused(grid));
  box.dataset.drawn = +(box.dataset.drawn ?? 0) + 1;
}

function arrange(table, elements) {
  const kept = new Set(elements);
  for (const element of [...table.children]) if (!kept.has(element)) element.remove();
  let next = table.firstChild;
  for (const element of elements) {
    if (element === next) next = next.nextSibling;
    else table.insertBefore(element, next);
  }
}

// Children that are strings become text nodes.
function element(tag, role, name, ...children) {
  const made = document.createElement(tag);
  if (role) made.role = role;
  if (name) made.className = name;
  made.append(...children);
  return made;
}

const BLANK = element("span", "gridcell", "token");
BLANK.tabIndex = -1;
BLANK.ariaSelected = "false";

const two = (value) => {
  const words = value.toFixed(2);
  if (!value || +words) return words;
  const [digit, power] = value.toExponential(0).split("e");
  return `${digit}e${+power}`;
};

function build(data, prompt, { unit, tokensPerRow }) {
  const label = element("span", "rowheader", "label", data.label);
  label.tabIndex = -1;
  const facts = element("span", "presentation", "facts");
  const values = new Map(data.i.map((at, n) => [at, data.v[n]]));
  const missing = new Set(data.missing);
  const cells = prompt.texts.map((text, at) => {
    const cell = BLANK.cloneNode();
    const number = values.get(at) ?? 0;
    const value = missing.has(at) ? "not measured" : `${unit} ${number}`;
    const special = prompt.special.has(at) ? ", special" : "";
    cell.ariaLabel = `token ${text}, position ${prompt.positions[at]}, ${value}${special}`;
    if (missing.has(at)) cell.classList.add("missing");
    if (special) cell.classList.add("special");
    cell.append(text);
    if (Math.abs(number) > THRESHOLD) cell.append(element("small", "", "", two(number)));
    return cell;
  });
  const tokens = element("div", "presentation", "tokens");
  cells.forEach((cell, at) => {
    if (tokensPerRow && at && at % tokensPerRow === 0) tokens.append(element("br"));
    tokens.append(cell);
  });
  const head = element("div", "presentation", "head", label, facts);
  const strip = element("div", "row", "row", head, tokens);
  return { element: strip, label, facts, cells, prompt, values, missing };
}

// ---- colours

function colour(grid, view) {
  const style = getComputedStyle(grid.box);
  const [ground, ink] = [style.backgroundColor, style.color].map(rgb);
  grid.box.style.setProperty("--quiet", `rgb(${over(ink, 0.78, ground)})`);
  for (const row of grid.rows.values()) {
    const look = [row.data.scale, view.log, view.specialsOnScale, ground].join();
    if (row.look !== look) paint(row, view, ground);
    row.look = look;
  }
}

function paint(row, view, ground) {
  const { scale } = row.data;
  const counted = (at) => view.specialsOnScale || !row.prompt.special.has(at);
  const zero = (_, at) => counted(at) && !row.values.has(at) && !row.missing.has(at);
  let peak = row.cells.some(zero) ? 0 : -Infinity;
  for (const [at, value] of row.values) {
    const strength = counted(at) ? opacity(value, scale, view.log) : 0;
    const { style } = row.cells[at];
    style.backgroundColor = strength ? `rgba(${EMERALD}, ${strength})` : "";
    style.color = strength ? textOn(over(EMERALD, strength, ground)) : "";
    if (counted(at)) peak = Math.max(peak, value);
  }
  const facts = [peak > -Infinity ? `peak ${two(peak)}` : "no peak"];
  if (scale > Math.max(peak, 0)) facts.push(`scale ${two(scale)}`);
  row.facts.replaceChildren(...facts.map((words) => element("span", "", "", words)));
}

function opacity(value, scale, log) {
  if (!(scale > 0) || !(value > THRESHOLD)) return 0;
  const share = log ? Math.log10(1 + (9 * value) / scale) : value / scale;
  return Math.min(1, 0.05 + 0.95 * share);
}

const rgb = (css) => css.match(/[\d.]+/g).slice(0, 3).map(Number);

const over = (colour, strength, ground) =>
  ground.map((g, band) => Math.round(g + (colour[band] - g) * strength));

function textOn(ground) {
  const [r, g, b] = ground.map((part) => {
    const band = part / 255;
    return band <= 0.04045 ? band / 12.92 : ((band + 0.055) / 1.055) ** 2.4;
  });
  // Against this luminance black and white contrast alike, 4.58:1.
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.1791 ? "#000000" : "#ffffff";
}
