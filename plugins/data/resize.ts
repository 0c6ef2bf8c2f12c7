/** @file Resampling of 8-bit images, antialiased and rounded between its two passes: bit for bit what Pillow does to an 8-bit image. */

/** Filters by name: how far each reaches, in input pixels when growing, and its weight at a distance. */
const FILTERS = {
  bilinear: { reach: 1, weight: (x: number) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { reach: 2, weight: cubic },
  lanczos: { reach: 3, weight: (x: number) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
} as const;
export type Resampler = keyof typeof FILTERS;
export const RESAMPLERS = Object.keys(FILTERS) as [Resampler, ...Resampler[]];

/** Keys' cubic convolution with a = -1/2, in Pillow's order of operations. */
function cubic(distance: number): number {
  const x = Math.abs(distance), a = -0.5;
  return x < 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}
const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));

/** Where an image lies in an array of bytes: its first element, and the steps to the next row, column and channel. */
export interface Raster {
  readonly data: Uint8Array;
  readonly start: number;
  readonly row: number;
  readonly column: number;
  readonly channel: number;
}
export interface Size { readonly width: number; readonly height: number }

/** Planes one after the other, the first of them the `plane`-th of the array. */
export const planar = (data: Uint8Array, { width, height }: Size, plane = 0): Raster =>
  ({ data, start: plane * width * height, row: width, column: 1, channel: width * height });

/** For every output pixel: its first input pixel, how many there are, and their weights as 22-bit fixed-point numbers. */
interface Taps {
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly most: number;
  readonly weights: Int32Array;
}
/** Taken out once: where modules run in a context of their own, as tests do, finding `Math` takes longer than a product. */
const { imul, max, min } = Math;
const BITS = 22;
const HALF = 1 << (BITS - 1);

/** The filter is as wide as an output pixel when shrinking and as an input pixel when growing. */
function taps(from: number, to: number, resampler: Resampler): Taps {
  const { reach, weight } = FILTERS[resampler];
  const scale = from / to, wide = Math.max(1, scale), support = reach * wide, inverse = 1 / wide;
  const most = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(to), count = new Int32Array(to), weights = new Int32Array(to * most);
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support + 0.5)), end = Math.min(from, Math.trunc(centre + support + 0.5));
    const raw = Array.from({ length: end - start }, (_, j) => weight((j + start - centre + 0.5) * inverse));
    const total = raw.reduce((a, b) => a + b, 0);
    first[i] = start;
    count[i] = end - start;
    raw.forEach((w, j) => {
      const fixed = (w / total) * 2 ** BITS;
      weights[i * most + j] = Math.trunc(fixed < 0 ? fixed - 0.5 : fixed + 0.5);
    });
  }
  return { first, count, most, weights };
}

/** Multiplications between two pauses: a few milliseconds. */
const SLICE = 1 << 20;

/**
 * Resizes 8-bit images of one size to another, each channel by itself. The returned generator writes one image into `output`; it yields
 * now and then, so that a caller can let other work have its turn while a large photo shrinks.
 */
export function createResize(from: Size, to: Size, channels: 1 | 3, resampler: Resampler): (input: Raster, output: Raster) => Generator<void, void> {
  const across = taps(from.width, to.width, resampler), down = taps(from.height, to.height, resampler);
  const narrow = new Uint8Array(from.height * channels * to.width);
  const middle: Raster = { data: narrow, start: 0, row: channels * to.width, column: 1, channel: to.width };
  const filter = channels === 3 ? filterThree : filterOne;
  const slice = (work: number) => Math.max(1, Math.floor(SLICE / (work * channels)));
  return function* resize(input, output) {
    const rows = slice(to.width * across.most), columns = slice(to.height * down.most);
    for (let y = 0; y < from.height; y++) {
      filter(across, to.width, input, input.start + y * input.row, input.column, middle, y * middle.row, 1);
      if (y % rows === rows - 1) yield;
    }
    for (let x = 0; x < to.width; x++) {
      filter(down, to.height, middle, x, middle.row, output, output.start + x * output.column, output.row);
      if (x % columns === columns - 1) yield;
    }
  };
}

const clip = (value: number): number => max(0, min(255, value));

/** One line of pixels, `step` apart from `start`, to `to` pixels, `outStep` apart from `at`. */
function filterOne({ first, count, most, weights }: Taps, to: number, { data }: Raster, start: number, step: number, out: Raster, at: number, outStep: number): void {
  for (let i = 0; i < to; i++) {
    let sum = HALF, p = start + first[i]! * step;
    for (let j = i * most, end = j + count[i]!; j < end; j++, p += step) sum = (sum + imul(data[p]!, weights[j]!)) | 0;
    out.data[at + i * outStep] = clip(sum >> BITS);
  }
}

/** The same for three channels at once, which share the weights: this is where the time goes. */
function filterThree({ first, count, most, weights }: Taps, to: number, { data, channel }: Raster, start: number, step: number, out: Raster, at: number, outStep: number): void {
  for (let i = 0; i < to; i++) {
    let red = HALF, green = HALF, blue = HALF, p = start + first[i]! * step;
    for (let j = i * most, end = j + count[i]!; j < end; j++, p += step) {
      const weight = weights[j]!;
      red = (red + imul(data[p]!, weight)) | 0;
      green = (green + imul(data[p + channel]!, weight)) | 0;
      blue = (blue + imul(data[p + 2 * channel]!, weight)) | 0;
    }
    const q = at + i * outStep;
    out.data[q] = clip(red >> BITS);
    out.data[q + out.channel] = clip(green >> BITS);
    out.data[q + 2 * out.channel] = clip(blue >> BITS);
  }
}
