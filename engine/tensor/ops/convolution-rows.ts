/**
 * @file Convolutions as one matrix product over the whole batch. Images are rows of channels, so a patch is gathered as a few long runs of
 * memory, and nothing depends on how small an image is: 2x2 results of 256 -> 512 channels take 8 ms instead of 35.
 *
 * The patches of all images at once fall out of the caches, so the batch goes through in chunks (256 -> 128 channels, 8x8 -> 16x16: 42 ms whole, 26
 * in 16 chunks), large enough that packing the weights for each costs little.
 */
import type { Emitter } from '../op.js';
import type { Geometry } from './convolution-geometry.js';
import { ints, joined, matrix, node, parted, permuted, reshaped, summed, type Name } from './emission.js';

/** A geometry whose batch is a number, without groups. */
export interface Plain extends Geometry { readonly batch: number; readonly groups: 1 }

/** Elements of patches that are made and used at a time: 4 MB. A DCGAN step takes as long with 2, and 4 % longer with 8. */
const CHUNK = 1 << 20;

/** How many equal chunks a batch is cut into, by the elements that one image's patches have and those of the weights: every form of one layer cuts alike, so that they share patches. */
export function chunks(batch: number, image: number, weights: number): number {
  let count = Math.max(1, Math.min(batch, Math.floor((batch * image) / Math.max(CHUNK, 2 * weights))));
  while (batch % count) count--;
  return count;
}
const chunksOf = ({ batch, image: [channels], result: [out, p, q], kernel: [kh, kw] }: Plain) => chunks(batch, p * q * channels * kh * kw, out * channels * kh * kw);

/** Images `[b,C,H,W]` as `[b,H,W,C]` with zeros around them. */
export function padded(emit: Emitter, x: Name, pads: Geometry['pads']): Name {
  const rows = permuted(emit, x, 0, 2, 3, 1), [top, left, bottom, right] = pads;
  return pads.some((p) => p > 0) ? node(emit, 'Pad', [rows, ints(emit, [0, top, left, 0, 0, bottom, right, 0])]) : rows;
}

/** What the kernel sees at each position, a row each: `[b P Q, kh kw C]` for each chunk, its taps in reverse if told so. */
function patches(emit: Emitter, x: Name, g: Plain, reverse = false): readonly Name[] {
  const { image: [channels, h, w], result: [, p, q], kernel: [kh, kw], strides, pads, dilations, batch } = g;
  const height = h + pads[0] + pads[2], width = w + pads[1] + pads[3], count = chunksOf(g);
  const rows = padded(emit, x, pads);
  if (kh * kw === 1 && p * q === height * width) return parted(emit, reshaped(emit, rows, -1, channels), count, batch * p * q, 0);
  const at: number[] = [];
  for (let i = 0; i < p; i++) for (let j = 0; j < q; j++) for (let tap = 0; tap < kh * kw; tap++) {
    const from = reverse ? kh * kw - 1 - tap : tap, a = Math.floor(from / kw), b = from % kw;
    at.push((i * strides[0] + a * dilations[0]) * width + j * strides[1] + b * dilations[1]);
  }
  const places = emit.constant('i64', [p * q, kh * kw], at);
  const images = parted(emit, reshaped(emit, rows, batch, height * width, channels), count, batch, 0);
  return images.map((part) => reshaped(emit, node(emit, 'Gather', [part, places], { axis: 1 }), -1, kh * kw * channels));
}

/** `backward`: w is `[C,O,kh,kw]`, and its taps are in reverse. */
export function rowsConvolution(emit: Emitter, x: Name, w: Name, g: Plain, backward = false): Name {
  const { batch, image: [channels], result: [out, p, q], kernel: [kh, kw] } = g;
  const kernels = backward ? matrix(emit, w, [channels, out, kh, kw], [1], [2, 3, 0]) : matrix(emit, w, [out, channels, kh, kw], [0], [2, 3, 1]);
  // Kernels first: the result has its channels outside, and only blocks of positions change places afterwards.
  const parts = patches(emit, x, g, backward).map((part) => node(emit, 'Gemm', [kernels.name, part], { transA: Number(kernels.turned), transB: 1 }));
  return permuted(emit, reshaped(emit, joined(emit, parts, 1), out, batch, p, q), 1, 0, 2, 3);
}

export function rowsWeightGradient(emit: Emitter, x: Name, dy: Name, g: Plain): Name {
  const { batch, image: [channels], result: [out, p, q], kernel: [kh, kw] } = g, count = chunksOf(g);
  const results = parted(emit, reshaped(emit, permuted(emit, dy, 1, 0, 2, 3), out, batch * p * q), count, batch * p * q, 1);
  const total = summed(emit, patches(emit, x, g).map((part, i) => node(emit, 'MatMul', [results[i]!, part])));
  return permuted(emit, reshaped(emit, total, out, kh, kw, channels), 0, 3, 1, 2);
}
