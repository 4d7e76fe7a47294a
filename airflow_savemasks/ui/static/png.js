// A PNG's values as they are. A canvas gives 8 bits that a browser may have corrected for color; a machine mask's values
// mean classes, and have to be exact. Gray and RGB of 8 and 16 bits and palettes of 8, not interlaced: what the export
// writes. The values of a palette are its indices; palette has the color of each.

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];

export async function decodePng(buffer) {
  const bytes = new Uint8Array(buffer);
  if (SIGNATURE.some((value, at) => bytes[at] !== value)) throw new Error("This is no PNG");
  const view = new DataView(buffer);
  const data = [];
  let header = null;
  let palette = null;
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (kind === "IHDR") header = readHeader(view, at + 8);
    if (kind === "PLTE") palette = colors(bytes.subarray(at + 8, at + 8 + length));
    if (kind === "IDAT") data.push(bytes.subarray(at + 8, at + 8 + length));
    if (kind === "IEND") break;
    at += 12 + length;
  }
  if (!header) throw new Error("This PNG has no header");
  const { width, height, channels, wide } = header;
  const step = channels * (wide ? 2 : 1);
  const raw = await inflate(data, height * (1 + width * step));
  unfilter(raw, width * step, height, step);
  return { width, height, channels, palette, values: values(raw, width * step, height, wide) };
}

function colors(bytes) {
  return Array.from({ length: Math.floor(bytes.length / 3) }, (_, at) => Array.from(bytes.subarray(3 * at, 3 * at + 3)));
}

function readHeader(view, at) {
  const type = view.getUint8(at + 9);
  const channels = { 0: 1, 2: 3, 3: 1 }[type];
  const bits = view.getUint8(at + 8);
  if (!channels || (bits !== 8 && (bits !== 16 || type === 3)) || view.getUint8(at + 12)) throw new Error("A kind of PNG not read here");
  return { width: view.getUint32(at), height: view.getUint32(at + 4), channels, wide: bits === 16 };
}

async function inflate(pieces, expected) {
  const stream = new Blob(pieces).stream().pipeThrough(new DecompressionStream("deflate"));
  const out = new Uint8Array(expected);
  const reader = stream.getReader();
  let at = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (at + value.length > expected) throw new Error("This PNG has more pixels than its header says");
    out.set(value, at);
    at += value.length;
  }
  if (at !== expected) throw new Error("This PNG ends too early");
  return out;
}

function unfilter(raw, line, height, step) {
  for (let y = 0; y < height; y += 1) {
    const row = y * (line + 1) + 1;
    const above = row - line - 1;
    const filter = raw[row - 1];
    for (let x = 0; x < line && filter; x += 1) {
      const left = x >= step ? raw[row + x - step] : 0;
      const up = y ? raw[above + x] : 0;
      const corner = y && x >= step ? raw[above + x - step] : 0;
      let guess = 0;
      if (filter === 1) guess = left;
      else if (filter === 2) guess = up;
      else if (filter === 3) guess = (left + up) >> 1;
      else if (filter === 4) guess = paeth(left, up, corner);
      raw[row + x] += guess;
    }
  }
}

function paeth(left, up, corner) {
  const guess = left + up - corner;
  const a = Math.abs(guess - left);
  const b = Math.abs(guess - up);
  const c = Math.abs(guess - corner);
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

function values(raw, line, height, wide) {
  const count = wide ? line / 2 : line;
  const out = wide ? new Uint16Array(count * height) : new Uint8Array(count * height);
  for (let y = 0; y < height; y += 1) {
    const row = y * (line + 1) + 1;
    if (wide) for (let x = 0; x < count; x += 1) out[y * count + x] = (raw[row + 2 * x] << 8) | raw[row + 2 * x + 1];
    else out.set(raw.subarray(row, row + line), y * count);
  }
  return out;
}
