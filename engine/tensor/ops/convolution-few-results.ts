/**
 * @file Convolutions of stride 1 from many channels to few, the last layer of most generators. Patches of the many would be the largest
 * tensor of the program; here only products with, or patches of, the few are made (64 -> 3 channels, 3x3 on 32x32: 5 ms instead of 14, the
 * weight gradient 4 instead of 60).
 */
import type { Emitter } from '../op.js';
import type { Plain } from './convolution-rows.js';
import { ints, node, permuted, reshaped, summed, type Name } from './emission.js';

/** Whether the forms of this file fit: padding must not reach beyond the kernel. */
export const fewResults = ({ image: [channels], result: [out], strides, pads, dilations, kernel }: Plain): boolean =>
  8 * out <= channels && strides.every((s) => s === 1) && pads.every((pad, i) => pad <= dilations[i % 2]! * (kernel[i % 2]! - 1));

/** Every position's products with every tap, moved to where they belong and added up. */
export function fewResultsConvolution(emit: Emitter, x: Name, w: Name, g: Plain): Name {
  const { batch, image: [channels, h, width], result: [out, p, q], kernel: [kh, kw], pads: [top, left, bottom, right], dilations } = g;
  const taps = reshaped(emit, permuted(emit, w, 2, 3, 0, 1), kh * kw * out, channels);
  const products = reshaped(emit, node(emit, 'MatMul', [taps, reshaped(emit, x, batch, channels, h * width)]), batch, kh * kw, out, h, width);
  const wide = node(emit, 'Pad', [products, ints(emit, [0, 0, 0, top, left, 0, 0, 0, bottom, right])]), axes = ints(emit, [1, 3, 4]);
  const moved: Name[] = [];
  for (let a = 0; a < kh; a++) for (let b = 0; b < kw; b++) {
    const tap = a * kw + b, y = a * dilations[0], z = b * dilations[1];
    moved.push(node(emit, 'Slice', [wide, ints(emit, [tap, y, z]), ints(emit, [tap + 1, y + p, z + q]), axes]));
  }
  return reshaped(emit, summed(emit, moved), batch, out, p, q);
}

/** For every image position, the results that it is seen by, a row of `kh kw O`: the image times them, image by image, summed over the batch. */
export function fewResultsWeightGradient(emit: Emitter, x: Name, dy: Name, g: Plain): Name {
  const { batch, image: [channels, h, w], result: [out], kernel: [kh, kw], pads, dilations } = g;
  const reach = [dilations[0] * (kh - 1), dilations[1] * (kw - 1)] as const, width = w + reach[1];
  const around = [reach[0] - pads[0], reach[1] - pads[1], reach[0] - pads[2], reach[1] - pads[3]];
  const rows = node(emit, 'Pad', [permuted(emit, dy, 0, 2, 3, 1), ints(emit, [0, around[0]!, around[1]!, 0, 0, around[2]!, around[3]!, 0])]);
  const at: number[] = [];
  for (let y = 0; y < h; y++) for (let z = 0; z < w; z++) for (let a = 0; a < kh; a++) for (let b = 0; b < kw; b++) {
    at.push((y + reach[0] - a * dilations[0]) * width + z + reach[1] - b * dilations[1]);
  }
  const flat = reshaped(emit, rows, batch, (h + reach[0]) * width, out);
  const seen = node(emit, 'Gather', [flat, emit.constant('i64', [h * w, kh * kw], at)], { axis: 1 });
  const each = node(emit, 'MatMul', [reshaped(emit, x, batch, channels, h * w), reshaped(emit, seen, batch, h * w, kh * kw * out)]);
  const total = node(emit, 'ReduceSum', [each, ints(emit, [0])], { keepdims: 0 });
  return reshaped(emit, permuted(emit, reshaped(emit, total, channels, kh * kw, out), 2, 0, 1), out, channels, kh, kw);
}
