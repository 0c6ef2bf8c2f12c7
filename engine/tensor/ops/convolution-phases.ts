/**
 * @file The input gradient of a strided convolution, which is the transposed convolution, as matrix products over the whole batch. Image positions at one distance
 * from the stride's grid, a phase, are reached through the same taps: 4 of 16 in each of 4 phases for a 4x4 kernel of stride 2. What those taps see of the
 * cotangent is gathered as long runs of memory, one product a phase sums it, and the phases are laid between each other at the end.
 */
import type { Emitter } from '../op.js';
import { chunks, padded, type Plain } from './convolution-rows.js';
import { ints, joined, node, parted, permuted, reshaped, type Name } from './emission.js';

/** Along one axis: where the positions of a phase are, and for each of them which row of the cotangent each tap sees, before it begins or after it ends as well. */
interface Phase { readonly positions: readonly number[]; readonly taps: readonly number[]; readonly sees: readonly (readonly number[])[] }

function phasesOf({ image, kernel, strides, pads, dilations }: Plain, axis: 0 | 1): readonly Phase[] {
  const stride = strides[axis], upTo = (n: number) => Array.from({ length: n }, (_, i) => i);
  return upTo(stride).map((phase): Phase => {
    const positions = upTo(image[axis + 1]!).filter((at) => (at + pads[axis]) % stride === phase);
    const taps = upTo(kernel[axis]).filter((tap) => (tap * dilations[axis]) % stride === phase);
    return { positions, taps, sees: positions.map((at) => taps.map((tap) => (at + pads[axis] - tap * dilations[axis]) / stride)) };
  }).filter(({ positions }) => positions.length > 0);
}

export function phasesInputGradient(emit: Emitter, dy: Name, w: Name, g: Plain): Name {
  const { batch, image: [channels, h, width], result: [out, p, q], kernel: [kh, kw], strides } = g;
  const [rows, columns] = [phasesOf(g, 0), phasesOf(g, 1)];
  // Zeros around the cotangent are what taps see that no result position used.
  const around = (phases: readonly Phase[], size: number) => {
    const seen = phases.flatMap(({ sees }) => sees.flat());
    return [Math.max(0, -Math.min(0, ...seen)), Math.max(0, ...seen.map((at) => at - size + 1))] as const;
  };
  const [top, bottom] = around(rows, p), [left, right] = around(columns, q), across = left + q + right, down = top + p + bottom;
  const sent = reshaped(emit, padded(emit, dy, [top, left, bottom, right]), batch, down * across, out);
  const kernels = reshaped(emit, permuted(emit, w, 2, 3, 0, 1), kh * kw, out * channels);
  const count = chunks(batch, (h * width * kh * kw * out) / (strides[0] * strides[1]), out * kh * kw * channels), images = batch / count;
  const phases = rows.flatMap((y) => columns.map((x) => {
    const positions = y.positions.flatMap((i) => x.positions.map((j) => i * width + j)), taps = y.taps.flatMap((a) => x.taps.map((b) => a * kw + b));
    // A kernel smaller than the stride leaves phases that nothing reaches.
    if (taps.length === 0) return { positions, summed: () => node(emit, 'Expand', [emit.constant('f32', [1], [0]), ints(emit, [images, positions.length, channels])]) };
    const kernel = reshaped(emit, node(emit, 'Gather', [kernels, ints(emit, taps)], { axis: 0 }), taps.length * out, channels);
    const places = ints(emit, y.sees.flatMap((is) => x.sees.flatMap((js) => is.flatMap((i) => js.map((j) => (i + top) * across + j + left)))));
    const summed = (part: Name) => {
      const patches = reshaped(emit, node(emit, 'Gather', [part, places], { axis: 1 }), images * positions.length, taps.length * out);
      return reshaped(emit, node(emit, 'MatMul', [patches, kernel]), images, positions.length, channels);
    };
    return { positions, summed };
  }));
  const back = Array<number>(h * width);
  phases.flatMap(({ positions }) => positions).forEach((at, i) => { back[at] = i; });
  const places = ints(emit, back);
  const parts = parted(emit, sent, count, batch, 0).map((part) => {
    const sums = phases.map(({ summed }) => summed(part));
    return sums.length === 1 ? sums[0]! : node(emit, 'Gather', [joined(emit, sums, 1), places], { axis: 1 });
  });
  return permuted(emit, reshaped(emit, joined(emit, parts, 0), batch, h, width, channels), 0, 3, 1, 2);
}
