/* Values as colours. Written after simviz_core/figures/maps.py, whose pictures it must equal. */
const STEPS = 256;
const NEGLIGIBLE = 1e-6;
const FADED = 0.35;

function decoded(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer;
}
/* A table that fades is transparent in its middle, where a contrast is zero. */
function lookupTable(text, fades = false) {
  const rgb = new Uint8Array(decoded(text));
  return Uint32Array.from({ length: STEPS }, (_, i) => {
    const share = Math.abs((2 * i + 1) / STEPS - 1) / FADED;
    const opacity = fades ? Math.round(255 * Math.min(share, 1)) : 255;
    return ((opacity << 24) | (rgb[3 * i + 2] << 16) | (rgb[3 * i + 1] << 8) | rgb[3 * i]) >>> 0;
  });
}
/* From 0 to the largest value; where there are negative ones, diverging and centred at 0. */
function ownScale(values) {
  let lowest = 0, largest = 0;
  for (const value of values) {
    if (value < lowest) lowest = value;
    if (Math.abs(value) > largest) largest = Math.abs(value);
  }
  largest = largest || 1;
  return lowest < -NEGLIGIBLE * largest
    ? { low: -largest, high: largest, colours: "diverging" }
    : { low: 0, high: largest, colours: "sequential" };
}
/* For each pixel along one axis: the two cells it lies between, and the share of the second one. */
function along(pixels, cells, smooth) {
  const first = new Uint16Array(pixels), second = new Uint16Array(pixels);
  const share = new Float32Array(pixels);
  for (let pixel = 0; pixel < pixels; pixel++) {
    const centre = (pixel + 0.5) * cells / pixels;
    const place = smooth ? Math.max(centre - 0.5, 0) : Math.floor(centre);
    first[pixel] = Math.floor(place);
    second[pixel] = Math.min(first[pixel] + 1, cells - 1);
    share[pixel] = smooth ? place - first[pixel] : 0;
  }
  return { first, second, share };
}
/* Spread a map of (rows, columns) values over a canvas, in the colours of a scale. */
function paint(canvas, values, [rows, columns], scale, table, smooth) {
  const { width, height } = canvas;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const across = along(width, columns, smooth), down = along(height, rows, smooth);
  const factor = STEPS / (scale.high - scale.low);
  const line = new Float32Array(columns);
  for (let y = 0, at = 0; y < height; y++) {
    const upper = down.first[y] * columns, lower = down.second[y] * columns, share = down.share[y];
    for (let x = 0; x < columns; x++) {
      const value = values[upper + x] + (values[lower + x] - values[upper + x]) * share;
      line[x] = (value - scale.low) * factor;
    }
    for (let x = 0; x < width; x++) {
      const left = line[across.first[x]];
      const step = left + (line[across.second[x]] - left) * across.share[x];
      pixels[at++] = table[step < 0 ? 0 : step >= STEPS ? STEPS - 1 : step | 0];
    }
  }
  context.putImageData(image, 0, 0);
}
function paintBar(canvas, table) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(STEPS, 1);
  new Uint32Array(image.data.buffer).set(table);
  context.putImageData(image, 0, 0);
}
