/** @file Bilinear resize of 8-bit images, antialiased and rounded between its two passes: bit for bit what the usual image libraries do to an 8-bit image. */

/** For every output pixel: its first input pixel, and its weights as 22-bit fixed-point numbers. */
interface Taps {
  readonly first: Int32Array;
  readonly width: number;
  readonly weights: Int32Array;
}
const BITS = 22;

/** Triangle filter, as wide as an output pixel when shrinking and as an input pixel when growing. */
function taps(from: number, to: number): Taps {
  const scale = from / to, reach = Math.max(1, scale);
  const width = Math.ceil(reach) * 2 + 1;
  const first = new Int32Array(to), weights = new Int32Array(to * width);
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - reach + 0.5)), end = Math.min(from, Math.trunc(centre + reach + 0.5));
    const raw = Array.from({ length: end - start }, (_, j) => Math.max(0, 1 - Math.abs((start + j - centre + 0.5) / reach)));
    const total = raw.reduce((a, b) => a + b, 0);
    first[i] = start;
    raw.forEach((w, j) => { weights[i * width + j] = Math.round((w / total) * 2 ** BITS); });
  }
  return { first, width, weights };
}

/** Resizes square 8-bit images from one size to another; the returned function writes image `source` of `pixels` to place `target` of `out`. */
export function createResize(from: number, to: number): (pixels: Uint8Array, source: number, out: Uint8Array, target: number) => void {
  const { first, width, weights } = taps(from, to);
  const rows = new Uint8Array(from * to);
  // One pass along lines: input element (line, i) at base + line * lineStep + i * step.
  const pass = (input: Uint8Array, base: number, lineStep: number, step: number, lines: number, output: Uint8Array, at: number, outLine: number, outStep: number) => {
    for (let i = 0; i < to; i++) {
      const start = first[i]!, end = Math.min(width, from - start);
      for (let line = 0; line < lines; line++) {
        let sum = 1 << (BITS - 1);
        for (let j = 0, p = base + line * lineStep + start * step; j < end; j++, p += step) sum += input[p]! * weights[i * width + j]!;
        output[at + line * outLine + i * outStep] = sum >> BITS;
      }
    }
  };
  return (pixels, source, out, target) => {
    pass(pixels, source * from * from, from, 1, from, rows, 0, to, 1);
    pass(rows, 0, 1, to, to, out, target * to * to, 1, to);
  };
}
