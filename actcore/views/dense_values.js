// The numbers of a dense heatmap, and which of them share a pixel; the first part of the module
// that dense.js and dense_moves.js go on with. dense_data.py writes what is opened here.

const BLOCK = 8; // columns of a row whose strongest level is also kept by itself
const ABSENT = 255; // the code of what was not measured; 0 is the code of 0
const POWER = 48; // a number is its three digits times 10 ** (code - POWER)

async function opened(head, bytes) {
  let end = 0;
  const planes = head.sizes.map((size) => inflated(bytes.subarray(end, (end += size))));
  const [colours, steps, used, packed, ...digits] = await Promise.all(planes);
  const indices = new Float64Array(steps.buffer);
  for (let at = 1; at < indices.length; at++) indices[at] += indices[at - 1];
  for (let at = 3; at < colours.length; at++) colours[at] += colours[at - 3];
  const codes = unpacked(used, packed, head.rows.length * indices.length);
  const view = { ...head, indices, columns: indices.length, values: numbers(codes, ...digits) };
  view.shades = Array.from({ length: 256 }, (_, at) => colours.subarray(3 * at, 3 * at + 3));
  view.colours = Uint32Array.from(view.shades, ([red, green, blue]) =>
    (0xff << 24) | (blue << 16) | (green << 8) | red,
  );
  view.holes = used.includes(ABSENT);
  return Object.assign(view, levelled(view));
}

async function inflated(bytes) {
  const open = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(open).arrayBuffer());
}

// As many codes stand in a byte as it holds, each by its number among those in use.
function unpacked(used, packed, count) {
  const base = Math.max(used.length, 2);
  const size = [8, 4, 3, 2, 1].find((size) => base ** size <= 256);
  const codes = new Uint8Array(count);
  for (let at = 0, rest = 0; at < count; at++, rest = Math.floor(rest / base)) {
    if (at % size === 0) rest = packed[at / size];
    codes[at] = used[rest % base];
  }
  return codes;
}

// The digits come ordered by code, and by cell within a code; the signs in the order of the cells.
function numbers(codes, signs, coarse, fine) {
  const next = new Uint32Array(256);
  for (const code of codes) if (code && code !== ABSENT) next[code + 1]++;
  for (let code = 1; code < 256; code++) next[code] += next[code - 1];
  const powers = Float64Array.from(next, (_, code) => Number(`1e${code - POWER}`));
  const values = new Float32Array(codes.length);
  for (let at = 0, some = 0; at < codes.length; at++) {
    const code = codes[at];
    if (code === ABSENT) values[at] = NaN;
    else if (code) {
      const digit = next[code]++;
      const size = 100 + 4 * coarse[digit] + ((fine[digit >> 2] >> (2 * (digit & 3))) & 3);
      const sign = signs[some >> 3] & (128 >> (some & 7)) ? -1 : 1;
      values[at] = sign * size * powers[code];
      some++;
    }
  }
  return values;
}

// A level is a place in the colours: 0 for what was not measured, 1 for the start of the ramp.
function levelled({ values, rows, columns, high }) {
  const levels = new Uint8Array(values.length);
  const across = Math.ceil(columns / BLOCK);
  const blocks = new Uint8Array(rows.length * across);
  for (let row = 0, at = 0; row < rows.length; row++) {
    for (let column = 0; column < columns; column++, at++) {
      const value = values[at];
      const level = value > 0 ? Math.min(255, 1 + Math.round((254 * value) / high)) : +(value <= 0);
      const block = row * across + (column >> 3);
      if (level > blocks[block]) blocks[block] = level;
      levels[at] = level;
    }
  }
  return { levels, blocks };
}

// The columns of each pixel, evenly shared out before the slots and from them on. Every column is in
// one, and every pixel has one, but for the gutter, which keeps the line between off the data.
function spans({ columns, slots }, { from, count }, width, gutter) {
  const to = from + count;
  const split = slots > from && slots < to;
  const wide = split ? width - gutter : width;
  const before = Math.round(((slots - from) * wide) / count);
  const left = split ? Math.max(1, Math.min(wide - 1, before)) : wide;
  const starts = new Int32Array(width).fill(slots ?? 0);
  const ends = starts.slice();
  const share = (first, last, begin, pixels) => {
    const edge = (pixel) => Math.floor(first + (pixel * (last - first)) / pixels);
    for (let pixel = 0; pixel < pixels; pixel++) {
      const start = Math.min(edge(pixel), columns - 1);
      const end = pixel === pixels - 1 ? Math.ceil(last) : edge(pixel + 1);
      starts[begin + pixel] = start;
      ends[begin + pixel] = Math.min(Math.max(end, start + 1), columns);
    }
  };
  share(from, split ? slots : to, 0, left);
  if (split) share(slots, to, left + gutter, wide - left);
  return { starts, ends, left, split };
}

// Paints each pixel of a row in the colour of its strongest level: of whole blocks by what is kept
// of them, of the columns before and after one by one.
function pool({ levels, blocks, columns, colours }, { starts, ends }, row, pixels) {
  const first = row * columns;
  const firstBlock = row * Math.ceil(columns / BLOCK);
  const width = starts.length;
  for (let pixel = 0; pixel < width; pixel++) {
    const end = ends[pixel];
    let at = starts[pixel];
    if (at === end) continue;
    let most = 0;
    for (; at < end && at % BLOCK; at++) most = Math.max(most, levels[first + at]);
    for (; at + BLOCK <= end; at += BLOCK) most = Math.max(most, blocks[firstBlock + at / BLOCK]);
    for (; at < end; at++) most = Math.max(most, levels[first + at]);
    pixels[row * width + pixel] = colours[most];
  }
}

function strongest({ values, columns }, row, from, to) {
  let best = from;
  for (let column = from; column < to; column++) {
    const [value, most] = [values[row * columns + column], values[row * columns + best]];
    if (value > most || Number.isNaN(most)) best = column;
  }
  return best;
}
