// Moving through token strips and picking; the second half of the module that strip.js begins.
// A stop is { row, at }: a row's key and a token of it counted from 0, or LABEL.

const REST = 150; // milliseconds without a further arrow key until a move counts as a pick
const HINT = "Pick a token by click or arrow keys, a row by its label.";
const LABEL = -1; // the place left of the first token

const cellAt = (grid, stop) => {
  const row = grid.rows.get(stop?.row);
  return stop?.at === LABEL ? row?.label : row?.cells[stop?.at];
};

function stopOf(grid, target) {
  const cell = target.closest(".token, .label");
  for (const [row, { label, cells }] of cell ? grid.rows : []) {
    const at = cells.indexOf(cell);
    if (at >= 0 || cell === label) return { row, at };
  }
  return null;
}

const focused = (grid) => {
  const active = grid.box.getRootNode().activeElement;
  return grid.table.contains(active) ? active : null;
};

function click(grid, event) {
  const stop = stopOf(grid, event.target);
  if (!stop) return;
  grid.column = stop.at;
  visit(grid, stop).focus();
  pick(grid, stop);
}

function key(grid, event) {
  const stop = stopOf(grid, event.target);
  if (!stop || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Enter" || event.key === " ") pick(grid, stop);
  else {
    const next = neighbour(grid, stop, event.key);
    if (!next) return;
    visit(grid, next).focus();
    clearTimeout(grid.timer);
    grid.timer = setTimeout(() => pick(grid, next), REST);
  }
  event.preventDefault();
  event.stopPropagation();
}

function neighbour(grid, { row, at }, pressed) {
  const last = grid.rows.get(row).cells.length - 1;
  const across = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[pressed];
  if (across !== undefined) {
    grid.column = Math.max(LABEL, Math.min(across, last));
    return { row, at: grid.column };
  }
  const step = { ArrowUp: -1, ArrowDown: 1 }[pressed];
  if (!step) return null;
  const keys = [...grid.rows.keys()];
  const other = keys[keys.indexOf(row) + step] ?? row;
  return { row: other, at: Math.min(grid.column, grid.rows.get(other).cells.length - 1) };
}

function pick(grid, stop) {
  clearTimeout(grid.timer);
  const row = grid.rows.get(stop.row);
  if (!row) return;
  mark(grid, stop);
  const position = stop.at === LABEL ? null : row.prompt.positions[stop.at];
  grid.sent.push(JSON.stringify({ row: stop.row, position }));
  grid.report(stop.row, position);
}

// Python's choice holds, unless it is the echo of a pick: the reader may have moved on since.
function choose(grid, selected) {
  const said = JSON.stringify(selected);
  if (said !== grid.said) {
    const echo = grid.sent.indexOf(said);
    grid.sent = echo < 0 ? [] : grid.sent.slice(echo + 1);
    const row = grid.rows.get(selected?.row);
    const at = row?.prompt.positions.indexOf(selected.position); // LABEL for no position
    if (echo < 0) grid.picked = row ? { row: selected.row, at } : null;
    if (echo < 0 && row && !focused(grid)) grid.stop = grid.picked;
  }
  grid.said = said;
  mark(grid, grid.picked);
}

function mark(grid, stop) {
  for (const old of grid.table.querySelectorAll(".picked")) {
    old.classList.remove("picked");
    if (old.matches(".token")) old.ariaSelected = "false";
  }
  grid.picked = stop;
  const cell = cellAt(grid, stop);
  cell?.classList.add("picked");
  cell?.closest(".row").classList.add("picked");
  if (cell?.matches(".token")) cell.ariaSelected = "true";
}

// The whole component is one tab stop: the place visited last.
function visit(grid, stop) {
  const cell = cellAt(grid, stop);
  for (const old of grid.table.querySelectorAll('[tabindex="0"]')) old.tabIndex = -1;
  if (cell) cell.tabIndex = 0;
  grid.stop = stop;
  return cell;
}

// Once redrawn, focus is where it was, or on what now stands in place of a row that went.
function keep(grid, held, before) {
  const keys = [...grid.rows.keys()];
  const { row, at } = grid.stop ?? { row: keys[0], at: 0 };
  const place = Math.max(0, Math.min(before.indexOf(row), keys.length - 1));
  const now = grid.rows.has(row) ? row : keys[place];
  if (now === undefined) return;
  const cell = visit(grid, { row: now, at: Math.min(at, grid.rows.get(now).cells.length - 1) });
  if (held && focused(grid) !== cell) cell.focus({ preventScroll: true });
}

// The line may be off the screen: what is pointed at says so itself as well.
function say(grid, target) {
  const cell = target?.closest(".token, .label");
  if (cell?.ariaLabel) cell.title = cell.ariaLabel;
  grid.line.textContent = cell ? (cell.ariaLabel ?? cell.textContent) : HINT;
}
