// Moving through dense heatmaps and picking; the last part of the module that dense.js draws with.
// A spot is { row, column }, both counted from 0.

const LEAST = 4; // columns of the closest view
const REACH = 2; // pixels around the pointer in which the strongest feature counts
const HINT =
  "Drag to pan. Wheel with Ctrl or Shift, or after a click, to zoom; double click for all. " +
  "Keys: arrows, + − Home; Shift with ← → goes feature by feature, Enter picks.";

function listen(it) {
  const { canvas, buttons } = it;
  const on = (type, act) => canvas.addEventListener(type, (event) => it.view && act(it, event));
  on("pointerdown", press);
  on("pointermove", move);
  on("pointerup", release);
  on("pointercancel", () => (it.drag = null));
  on("pointerleave", () => say(it, it.keyed ? it.cursor : null));
  on("wheel", wheel);
  on("dblclick", () => look(it, 0, it.view.columns));
  on("keydown", key);
  on("focus", () => canvas.matches(":focus-visible") && say(it, begun(it), true));
  on("blur", () => say(it, null));
  const button = (words, name, act) => {
    const made = element("button", "", words);
    made.type = "button";
    made.ariaLabel = name;
    made.addEventListener("click", () => it.view && act());
    buttons.append(made);
  };
  button("−", "Zoom out", () => zoom(it, 2));
  button("+", "Zoom in", () => zoom(it, 0.5));
  button("All", "All columns", () => look(it, 0, it.view.columns));
  button("Slots", "Slots", () => {
    const count = it.view.columns - it.view.slots;
    look(it, it.view.columns - 1.15 * count, 1.15 * count);
  });
}

// ---- the window

function look(it, from, count) {
  const { columns } = it.view;
  const held = Math.max(Math.min(LEAST, columns), Math.min(count, columns));
  it.window = { from: Math.max(0, Math.min(from, columns - held)), count: held };
  draw(it);
}

function zoom(it, factor, about = it.window.from + it.window.count / 2) {
  const { from, count } = it.window;
  const held = Math.max(Math.min(LEAST, it.view.columns), Math.min(count * factor, it.view.columns));
  look(it, about - ((about - from) * held) / count, held);
}

function wheel(it, event) {
  const asked = event.ctrlKey || event.metaKey || event.shiftKey;
  if (!asked && it.box.getRootNode().activeElement !== it.canvas) return;
  event.preventDefault();
  zoom(it, (event.deltaY || event.deltaX) > 0 ? 1.25 : 0.8, columnAt(it, pixelAt(it, event)));
}

// ---- the pointer

function pixelAt({ canvas }, { clientX }) {
  const { left, width } = canvas.getBoundingClientRect();
  const pixel = Math.floor(((clientX - left) * canvas.width) / width);
  return Math.max(0, Math.min(pixel, canvas.width - 1));
}

// What is under a pixel, with its fraction of a column: the inverse of place().
function columnAt(it, pixel) {
  const { left, split } = it.spans;
  const { from, count } = it.window;
  const { slots } = it.view;
  if (!split) return from + (pixel * count) / it.canvas.width;
  if (pixel < left) return from + (pixel * (slots - from)) / left;
  const begin = left + it.gutter;
  const share = Math.max(0, pixel - begin) / (it.canvas.width - begin);
  return slots + share * (from + count - slots);
}

// The strongest feature near the pointer; of columns that can be aimed at, the one under it.
function spotAt(it, event) {
  const { top, height } = it.canvas.getBoundingClientRect();
  const { starts, ends } = it.spans;
  const share = (event.clientY - top) / height;
  const row = Math.floor(Math.max(0, Math.min(share, 0.9999)) * it.view.rows.length);
  const pixel = pixelAt(it, event);
  const reach = wideness(it) > 2 * REACH ? 0 : Math.round(REACH * it.scaled);
  const from = starts[Math.max(0, pixel - reach)];
  const to = ends[Math.min(starts.length - 1, pixel + reach)];
  return { row, column: strongest(it.view, row, Math.min(from, it.view.columns - 1), to) };
}

function press(it, event) {
  if (event.button) return;
  it.drag = { x: event.clientX, from: it.window.from, moved: false };
  it.canvas.setPointerCapture(event.pointerId);
}

function move(it, event) {
  const { drag } = it;
  if (!drag) {
    it.keyed = false;
    say(it, spotAt(it, event));
    return;
  }
  const shift = event.clientX - drag.x;
  drag.moved ||= Math.abs(shift) > 3;
  if (drag.moved) look(it, drag.from - shift / wideness(it), it.window.count);
}

function release(it, event) {
  const clicked = it.drag && !it.drag.moved;
  it.drag = null;
  if (!clicked) return;
  say(it, spotAt(it, event));
  pick(it);
}

// ---- the keyboard

function key(it, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const { from, count } = it.window;
  const { columns, rows } = it.view;
  const { row, column } = begun(it);
  const along = (step) => (event.shiftKey ? go(row, column + step) : pan((step * count) / 8));
  const pan = (step) => look(it, from + step, count);
  const go = (toRow, toColumn) => {
    it.cursor.row = Math.max(0, Math.min(toRow, rows.length - 1));
    it.cursor.column = Math.max(0, Math.min(toColumn, columns - 1));
    if (it.cursor.column < from) look(it, it.cursor.column, count);
    else if (it.cursor.column + 1 > from + count) look(it, it.cursor.column + 1 - count, count);
  };
  const act = {
    ArrowLeft: () => along(-1),
    ArrowRight: () => along(1),
    ArrowUp: () => go(row - 1, column),
    ArrowDown: () => go(row + 1, column),
    "+": () => zoom(it, 0.5, column + 0.5),
    "=": () => zoom(it, 0.5, column + 0.5),
    "-": () => zoom(it, 2, column + 0.5),
    Home: () => look(it, 0, columns),
    Enter: () => pick(it),
  }[event.key];
  if (!act) return;
  event.preventDefault();
  event.stopPropagation();
  act();
  say(it, begun(it), true);
}

// The keyboard's spot, never outside the window; at first the strongest feature of the first row.
function begun(it) {
  const first = Math.ceil(it.window.from);
  const last = Math.floor(it.window.from + it.window.count) - 1;
  it.cursor ??= { row: 0, column: strongest(it.view, 0, first, last + 1) };
  it.cursor.column = Math.max(first, Math.min(it.cursor.column, last));
  return it.cursor;
}

// ---- what is said and picked

const digits = (value) => {
  if (Number.isNaN(value)) return "not measured";
  if (!value) return "0";
  const three = value.toPrecision(3);
  return Math.abs(value) < 1e15 ? three.replace(/.*e\+.*/, (long) => `${+long}`) : three;
};

const nameOf = ({ place, indices }, column) => `${place}/${indices[column]}`;

function words({ view }, { row, column }) {
  const value = digits(view.values[row * view.columns + column]);
  const label = view.labels[column] === undefined ? "" : ` ${view.labels[column]}`;
  const unit = value === "not measured" ? "" : ` ${view.unit}`;
  return `${nameOf(view, column)}${label} · ${view.rows[row]}: ${value}${unit}`;
}

function say(it, spot, aloud = false) {
  it.keyed = aloud;
  it.cursor = spot;
  it.said.ariaLive = aloud ? "polite" : "off";
  it.said.textContent = spot ? words(it, spot) : "";
  if (it.spans) marks(it);
}

function pick(it) {
  it.picked = nameOf(it.view, it.cursor.column);
  it.sent.push(it.picked);
  it.report(it.picked);
  marks(it);
}

// Python's choice holds, unless it is the echo of a pick: the reader may have moved on since.
function choose(it, selected) {
  if (selected !== it.told) {
    const echo = it.sent.indexOf(selected);
    it.sent = it.sent.slice(echo < 0 ? it.sent.length : echo + 1);
    if (echo < 0) it.picked = selected;
  }
  it.told = selected;
}
