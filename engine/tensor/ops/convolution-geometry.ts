/** @file The geometry of a 2-D convolution: which image element meets which kernel element in which result element. */
import type { Dim, TensorShape } from '../../spec/tensor-type.js';
import { RuleError, type Attributes } from '../tensor.js';

/** Sizes of the windows: pads are top, left, bottom, right. */
export interface Windows {
  readonly strides: readonly [number, number];
  readonly pads: readonly [number, number, number, number];
  readonly dilations: readonly [number, number];
}
export interface Geometry extends Windows {
  readonly batch: Dim;
  readonly groups: number;
  /** Channels, height and width of the image side. */
  readonly image: readonly [number, number, number];
  /** Channels, height and width of the result side. */
  readonly result: readonly [number, number, number];
  readonly kernel: readonly [number, number];
}

/** One number for both directions, or height then width. */
export type Pair = number | readonly [number, number];
/** One number for all sides, height then width, or top, left, bottom, right. */
export type Sides = Pair | readonly [number, number, number, number];

export const pair = (value: Pair): readonly [number, number] => (typeof value === 'number' ? [value, value] : value);
export const sides = (value: Sides): readonly [number, number, number, number] => {
  if (typeof value === 'number') return [value, value, value, value];
  return value.length === 2 ? [value[0], value[1], value[0], value[1]] : value;
};

/** How many windows fit into `size`. */
export const windowCount = (size: number, kernel: number, stride: number, before: number, after: number, dilation = 1): number =>
  Math.floor((size + before + after - dilation * (kernel - 1) - 1) / stride) + 1;

export const resultSize = (
  size: readonly [number, number], kernel: readonly [number, number], { strides, pads, dilations }: Windows,
): [number, number] => [
  windowCount(size[0], kernel[0], strides[0], pads[0], pads[2], dilations[0]),
  windowCount(size[1], kernel[1], strides[1], pads[1], pads[3], dilations[1]),
];

/** Channels, height and width of an image tensor: they must be numbers, the batch need not. */
export function imageSize(shape: TensorShape, what: string): readonly [number, number, number] {
  const [, c, h, w] = shape.dims;
  if (shape.dims.length !== 4) throw new RuleError(`${what} wants four dimensions, batch, channels, height and width; it has ${shape.dims.length}`);
  if (typeof c !== 'number' || typeof h !== 'number' || typeof w !== 'number')
    throw new RuleError(`${what} is ${shape.dims.join(',')}: only its batch may be a symbol`);
  return [c, h, w];
}

export const windowsOf = (attrs: Attributes) => attrs as unknown as Windows & { readonly groups: number };

/** Checks an image, kernel and result side against each other. */
export function geometry(batch: Dim, image: readonly [number, number, number], kernel: readonly [number, number, number, number],
  result: readonly [number, number, number] | undefined, attrs: Attributes): Geometry {
  const windows = windowsOf(attrs), { groups } = windows;
  const [, h, w] = image, [out, perGroup, kh, kw] = kernel;
  if (image[0] !== perGroup * groups)
    throw new RuleError(`${image[0]} channels are not ${groups === 1 ? perGroup : `${groups} groups of ${perGroup}`}`);
  if (out % groups) throw new RuleError(`${out} output channels do not divide into ${groups} groups`);
  const [oh, ow] = resultSize([h, w], [kh, kw], windows);
  if (oh < 1 || ow < 1) throw new RuleError(`a ${kh}x${kw} kernel does not fit into a padded ${h}x${w} image`);
  if (result && (result[0] !== out || result[1] !== oh || result[2] !== ow)) {
    throw new RuleError(`${h}x${w} with a ${kh}x${kw} kernel gives ${out} channels of ${oh}x${ow}, not ${result[0]} of ${result[1]}x${result[2]}`);
  }
  return { ...windows, batch, image, kernel: [kh, kw], result: [out, oh, ow] };
}

/**
 * Visits every product of the trilinear form that a convolution is: `visit(i, j, k)` for each image element `i`, kernel element `j` and
 * result element `k` that meet. The result sums image times kernel; the two gradients sum the other pairs.
 */
export function meet(batch: number, { image, kernel, result, strides, pads, dilations, groups }: Geometry,
  visit: (image: number, kernel: number, result: number) => void): void {
  const [channels, h, w] = image, [out, oh, ow] = result, [kh, kw] = kernel;
  const cs = channels / groups, os = out / groups;
  for (let n = 0; n < batch; n++) for (let o = 0; o < out; o++) for (let c = 0; c < cs; c++) {
    const plane = (n * channels + Math.floor(o / os) * cs + c) * h;
    for (let a = 0; a < kh; a++) for (let b = 0; b < kw; b++) {
      const tap = ((o * cs + c) * kh + a) * kw + b;
      for (let p = 0; p < oh; p++) {
        const y = p * strides[0] + a * dilations[0] - pads[0];
        if (y < 0 || y >= h) continue;
        for (let q = 0; q < ow; q++) {
          const x = q * strides[1] + b * dilations[1] - pads[1];
          if (x >= 0 && x < w) visit((plane + y) * w + x, tap, ((n * out + o) * oh + p) * ow + q);
        }
      }
    }
  }
}
