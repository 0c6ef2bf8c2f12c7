/** @file Picking along an axis by index, and its gradient: adding at indices. */
import type { DType } from '../../spec/tensor-type.js';
import { count, strides } from '../array.js';
import { axisOf, known, sameDims, withSize } from '../dims.js';
import type { NdArray, Op } from '../op.js';
import { apply1, RuleError, type Tensor } from '../tensor.js';
import { cast } from './choice.js';
import { equal } from './logic.js';
import { reshape, transpose } from './shape.js';
import { constant, iota } from './source.js';

function wantIndices(dtype: DType): void {
  if (dtype !== 'i64' && dtype !== 'i32') throw new RuleError(`indices want i64 or i32, got ${dtype}`);
}
function checked({ data }: NdArray, size: number): Float64Array {
  const wrong = data.find((i) => !(i >= 0 && i < size));
  if (wrong !== undefined) throw new RangeError(`index ${wrong} is not within 0..${size - 1}`);
  return data;
}

export const gatherOp: Op = {
  name: 'gather',
  infer([x, indices], { axis }) {
    wantIndices(indices!.dtype);
    return [{ dtype: x!.dtype, dims: withSize(x!.dims, axis as number, ...indices!.dims) }];
  },
  vjp: ({ inputs: [x, indices], attrs: { axis } }, [ct]) => [scatterAdd(constant(0, ct!.dtype, x!.dims), indices!, ct!, axis as number), undefined],
  eval([x, indices], { axis }, [dims]) {
    const at = axis as number, steps = strides(x!.dims), step = steps[at]!;
    const before = count(x!.dims.slice(0, at)), rows = checked(indices!, x!.dims[at]!);
    const out = new Float64Array(count(dims!));
    for (let b = 0, o = 0; b < before; b++) for (const row of rows) {
      const from = b * step * x!.dims[at]! + row * step;
      out.set(x!.data.subarray(from, from + step), o);
      o += step;
    }
    return [out];
  },
  lower: (emit, inputs, { attrs: { axis } }) => emit.node('Gather', inputs, { axis: axis as number }),
};
/** The elements of x at `indices` (0 to size-1) along an axis, which their axes replace. */
export const gather = (x: Tensor, indices: Tensor, axis = 0): Tensor => apply1(gatherOp, [x, indices], { axis: axisOf(axis, x.rank) });

/** Up to this many elements, a scatter is a product with a one-hot matrix: fast, portable, and the same in any order of threads. */
const ONE_HOT = 1 << 22;

export const scatterAddOp: Op = {
  name: 'scatterAdd',
  infer([x, indices, updates]) {
    wantIndices(indices!.dtype);
    if (x!.dtype !== updates!.dtype) throw new RuleError(`${x!.dtype} is not ${updates!.dtype}`);
    const wanted = [...indices!.dims, ...x!.dims.slice(1)];
    if (!sameDims(updates!.dims, wanted)) throw new RuleError(`updates are [${updates!.dims}], indices and rows want [${wanted}]`);
    return [x!];
  },
  vjp: ({ inputs: [, indices] }, [ct]) => [ct, undefined, gather(ct!, indices!)],
  eval([x, indices, updates]) {
    const out = x!.data.slice(), row = count(x!.dims.slice(1));
    checked(indices!, x!.dims[0]!).forEach((to, i) => {
      for (let j = 0; j < row; j++) out[to * row + j]! += updates!.data[i * row + j]!;
    });
    return [out];
  },
  lower(emit, [x, indices, updates], { inputs: [t, at] }) {
    const { dtype, dims } = t!;
    const shaped = (name: string, to: readonly number[]) => emit.node('Reshape', [name, emit.constant('i64', [to.length], to)])[0]!;
    if (!known(dims)) throw new RuleError(`scatterAdd wants sizes that are numbers, got [${dims}]`);
    const row = count(dims.slice(1)), zero = t!.equation.op.name === 'constant' && t!.equation.attrs.value === 0;
    const rows = known(at!.dims) ? count(at!.dims) : 1;
    if (rows * dims[0]! > ONE_HOT) {
      const along = emit.node('Expand', [shaped(indices!, [-1, 1]), emit.constant('i64', [2], [rows, row])])[0]!;
      const sums = emit.node('ScatterElements', [shaped(x!, [dims[0]!, row]), along, shaped(updates!, [-1, row])], { axis: 0, reduction: 'add' })[0]!;
      return [shaped(sums, dims)];
    }
    const all = emit.constant(at!.dtype, [dims[0]!], Array.from({ length: dims[0]! }, (_, i) => i));
    const hot = emit.cast(emit.node('Equal', [shaped(indices!, [-1, 1]), all])[0]!, dtype);
    const sums = emit.node('Gemm', [hot, shaped(updates!, [-1, row]), ...(zero ? [] : [shaped(x!, [dims[0]!, row])])], { transA: 1 });
    return dims.length === 2 ? sums : [shaped(sums[0]!, dims)];
  },
};
/** x with `updates` added at `indices` along an axis; equal indices add up. The sizes of updates are those of `gather(x, indices, axis)`. */
export function scatterAdd(x: Tensor, indices: Tensor, updates: Tensor, axis = 0): Tensor {
  const at = axisOf(axis, x.rank);
  if (at === 0) return apply1(scatterAddOp, [x, indices, updates]);
  const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
  const front = [at, ...numbers(0, at), ...numbers(at + 1, x.rank)];
  const end = at + indices.rank;
  const sums = apply1(scatterAddOp, [transpose(x, front), indices, transpose(updates, [...numbers(at, end), ...numbers(0, at), ...numbers(end, updates.rank)])]);
  return transpose(sums, [...numbers(1, at + 1), 0, ...numbers(at + 1, x.rank)]);
}

/** 1 where the last, new axis of `depth` elements equals the index, 0 elsewhere. */
export const oneHot = (indices: Tensor, depth: number, dtype: DType = 'f32'): Tensor =>
  cast(equal(reshape(indices, [...indices.dims, 1]), iota(depth, indices.dtype)), dtype);

/** From the last to the first along an axis of known size. */
export const reversed = (x: Tensor, axis: number): Tensor => {
  const size = x.dims[axis] as number;
  return gather(x, constant(Array.from({ length: size }, (_, i) => size - 1 - i), 'i64'), axis);
};
