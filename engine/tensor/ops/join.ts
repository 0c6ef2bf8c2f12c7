/** @file Parts of tensors: slice, split, concat, pad. Each is another's gradient. */
import { count, offsets, pick, strides } from '../array.js';
import { axisOf, numbers, sameDims, withSize } from '../dims.js';
import type { Op } from '../op.js';
import { apply, apply1, RuleError, type Attributes, type Tensor } from '../tensor.js';
import { constant } from './source.js';
import { reshape } from './shape.js';

/** Copies `part` into `whole` so that its first element lands at `base`. */
function place(whole: Float64Array, wholeDims: readonly number[], part: Float64Array, partDims: readonly number[], base: number): void {
  const to = offsets(partDims, strides(wholeDims), base);
  for (let i = 0; i < part.length; i++) whole[to[i]!] = part[i]!;
}

interface Range { readonly axis: number; readonly start: number; readonly end: number; readonly step: number }
const range = (attrs: Attributes) => attrs as unknown as Range;

export const sliceOp: Op = {
  name: 'slice',
  infer([x], attrs) {
    const { axis, start, end, step } = range(attrs);
    const [size] = numbers([x!.dims[axis]!], 'a slice');
    if (!(start >= 0 && start < end && end <= size! && step >= 1)) throw new RuleError(`${start}..${end} by ${step} is no range within 0..${size}`);
    return [{ dtype: x!.dtype, dims: withSize(x!.dims, axis, Math.ceil((end - start) / step)) }];
  },
  vjp({ inputs: [x], outputs: [y], attrs }, [ct]) {
    const { axis, start, step } = range(attrs);
    const size = x!.dims[axis] as number, taken = y!.dims[axis] as number;
    const around = (t: Tensor, at: number, after: number) => pad(t, t.dims.map((_, i) => (i === at ? [start, after] : [0, 0])));
    if (step === 1) return [around(ct!, axis, size - start - taken)];
    // Steps between elements become an axis of their own, filled up with zeros and merged again.
    const apart = pad(reshape(ct!, withSize(ct!.dims, axis, taken, 1)), [...ct!.dims.slice(0, axis + 1).map(() => [0, 0]), [0, step - 1], ...ct!.dims.slice(axis + 1).map(() => [0, 0])]);
    const wide = reshape(apart, withSize(ct!.dims, axis, taken * step)), room = size - start;
    return [taken * step > room ? around(slice(wide, axis, 0, room), axis, 0) : around(wide, axis, room - taken * step)];
  },
  eval([x], attrs, [dims]) {
    const { axis, start, step } = range(attrs), steps = strides(x!.dims);
    return [pick(x!.data, offsets(dims!, steps.map((s, i) => (i === axis ? s * step : s)), start * steps[axis]!))];
  },
  lower(emit, [x], { attrs }) {
    const { axis, start, end, step } = range(attrs);
    return emit.node('Slice', [x!, ...[start, end, axis, step].map((v) => emit.constant('i64', [1], [v]))]);
  },
};
/** Every `step`-th element along an axis from `start` up to, not including, `end`; negative positions count from the end. */
export function slice(x: Tensor, axis: number, start: number, end: number, step = 1): Tensor {
  const along = axis < 0 ? axis + x.rank : axis, size = x.dims[along];
  const from0 = (at: number) => (at < 0 && typeof size === 'number' ? at + size : at);
  const last = Math.min(from0(end), typeof size === 'number' ? size : end);
  return from0(start) === 0 && last === size && step === 1 ? x : apply1(sliceOp, [x], { axis: along, start: from0(start), end: last, step });
}

export const concatOp: Op = {
  name: 'concat',
  infer(xs, { axis }) {
    const at = axis as number, [first] = xs;
    for (const x of xs) {
      if (x.dtype !== first!.dtype) throw new RuleError(`${x.dtype} is not ${first!.dtype}`);
      if (!sameDims(withSize(x.dims, at, 1), withSize(first!.dims, at, 1))) throw new RuleError(`[${x.dims}] and [${first!.dims}] differ beside axis ${at}`);
    }
    const sizes = numbers(xs.map((x) => x.dims[at]!), `concat along axis ${at}`);
    return [{ dtype: first!.dtype, dims: withSize(first!.dims, at, sizes.reduce((a, b) => a + b, 0)) }];
  },
  vjp: ({ inputs, attrs: { axis } }, [ct]) => split(ct!, inputs.map((x) => x.dims[axis as number] as number), axis as number),
  eval(xs, { axis }, [dims]) {
    const whole = new Float64Array(count(dims!)), step = strides(dims!)[axis as number]!;
    let at = 0;
    for (const x of xs) {
      place(whole, dims!, x.data, x.dims, at * step);
      at += x.dims[axis as number]!;
    }
    return [whole];
  },
  lower: (emit, inputs, { attrs: { axis } }) => emit.node('Concat', inputs, { axis: axis as number }),
};
/** Tensors one after the other along an axis. */
export const concat = (xs: readonly Tensor[], axis = 0): Tensor =>
  xs.length === 1 ? xs[0]! : apply1(concatOp, xs, { axis: axisOf(axis, xs[0]!.rank) });

export const splitOp: Op = {
  name: 'split',
  infer([x], { sizes, axis }) {
    const parts = sizes as readonly number[], [size] = numbers([x!.dims[axis as number]!], 'a split');
    const total = parts.reduce((a, b) => a + b, 0);
    if (total !== size || parts.some((n) => n < 1)) throw new RuleError(`[${parts}] are ${total} in all, axis ${axis} has ${size}`);
    return parts.map((n) => ({ dtype: x!.dtype, dims: withSize(x!.dims, axis as number, n) }));
  },
  vjp: ({ outputs, attrs: { axis } }, cts) =>
    [concat(outputs.map((t, i) => cts[i] ?? constant(0, t.dtype, t.dims)), axis as number)],
  eval([x], { axis }, dims) {
    const steps = strides(x!.dims);
    let at = 0;
    return dims.map((part) => {
      const out = pick(x!.data, offsets(part, steps, at * steps[axis as number]!));
      at += part[axis as number]!;
      return out;
    });
  },
  lower: (emit, [x], { attrs: { sizes, axis } }) =>
    emit.node('Split', [x!, emit.constant('i64', [(sizes as number[]).length], sizes as number[])], { axis: axis as number }, (sizes as number[]).length),
};
/** Consecutive parts of these sizes along an axis. */
export const split = (x: Tensor, sizes: readonly number[], axis = 0): readonly Tensor[] =>
  sizes.length === 1 && sizes[0] === x.dims.at(axis) ? [x] : apply(splitOp, [x], { sizes, axis: axis < 0 ? axis + x.rank : axis });

export const padOp: Op = {
  name: 'pad',
  infer([x], { pads }) {
    const around = pads as readonly (readonly number[])[];
    if (around.length !== x!.dims.length) throw new RuleError(`wants [before, after] for each of ${x!.dims.length} axes, got ${around.length}`);
    if (around.flat().some((n) => n < 0)) throw new RuleError('wants paddings of 0 and more: slice takes away');
    const dims = x!.dims.map((d, i) => {
      const more = around[i]![0]! + around[i]![1]!;
      return more ? numbers([d], 'a padded axis')[0]! + more : d;
    });
    return [{ dtype: x!.dtype, dims }];
  },
  vjp: ({ inputs: [x], attrs: { pads } }, [ct]) => [(pads as readonly (readonly number[])[]).reduce(
    (t, [before], axis) => (x!.dims[axis] === t.dims[axis] ? t : slice(t, axis, before!, before! + (x!.dims[axis] as number))), ct!)],
  eval([x], { pads, value }, [dims]) {
    const whole = new Float64Array(count(dims!)).fill(value as number), steps = strides(dims!);
    place(whole, dims!, x!.data, x!.dims, (pads as readonly (readonly number[])[]).reduce((base, [before], i) => base + before! * steps[i]!, 0));
    return [whole];
  },
  lower(emit, [x], { attrs: { pads, value }, inputs: [t] }) {
    const around = pads as readonly (readonly number[])[];
    const both = [...around.map((p) => p[0]!), ...around.map((p) => p[1]!)];
    return emit.node('Pad', [x!, emit.constant('i64', [both.length], both), emit.constant(t!.dtype, [], [value as number])]);
  },
};
/** x surrounded by `value`, [before, after] elements along each axis. */
export const pad = (x: Tensor, pads: readonly (readonly number[])[], value = 0): Tensor =>
  pads.length === x.rank && pads.flat().every((n) => n === 0) ? x : apply1(padOp, [x], { pads, value });
