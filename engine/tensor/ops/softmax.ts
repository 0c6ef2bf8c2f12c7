/** @file Softmax and log-sum-exp along an axis. */
import { count } from '../array.js';
import { axisOf, reducedDims } from '../dims.js';
import type { NdArray, Op } from '../op.js';
import { apply1, type Tensor } from '../tensor.js';
import { mul, sub } from './arithmetic.js';
import { want } from './elementwise.js';
import { reducedOffsets, restored, sum } from './reduce.js';

/** log of the sum of exponentials along an axis, with the largest taken out first. */
function logSums(x: NdArray, axis: number): { readonly values: Float64Array; readonly row: Int32Array } {
  const row = reducedOffsets(x.dims, [axis]), size = count(x.dims) / x.dims[axis]!;
  const top = new Float64Array(size).fill(-Infinity), total = new Float64Array(size);
  x.data.forEach((v, i) => { top[row[i]!] = Math.max(top[row[i]!]!, v); });
  x.data.forEach((v, i) => { total[row[i]!]! += Math.exp(v - top[row[i]!]!); });
  return { values: total.map((t, i) => Math.log(t) + top[i]!), row };
}

export const logSumExpOp: Op = {
  name: 'logSumExp',
  infer([x], { axis, keep }) {
    want('real', x!.dtype);
    return [{ dtype: x!.dtype, dims: reducedDims(x!.dims, [axis as number], keep as boolean) }];
  },
  vjp: ({ inputs: [x], attrs: { axis } }, [ct]) => [mul(restored(ct!, x!, [axis as number]), softmax(x!, axis as number))],
  eval: ([x], { axis }) => [logSums(x!, axis as number).values],
  lower: (emit, [x], { attrs: { axis, keep } }) => emit.node('ReduceLogSumExp', [x!, emit.constant('i64', [1], [axis as number])], { keepdims: Number(keep) }),
};
/** log of the sum of e^x along an axis, without overflow. */
export const logSumExp = (x: Tensor, axis: number, keep = false): Tensor => apply1(logSumExpOp, [x], { axis: axisOf(axis, x.rank), keep });

export const softmaxOp: Op = {
  name: 'softmax',
  infer([x]) {
    want('real', x!.dtype);
    return [x!];
  },
  vjp({ outputs: [y], attrs: { axis } }, [ct]) {
    const weighted = mul(ct!, y!);
    return [sub(weighted, mul(y!, sum(weighted, axis as number, true)))];
  },
  eval([x], { axis }) {
    const { values, row } = logSums(x!, axis as number);
    return [x!.data.map((v, i) => Math.exp(v - values[row[i]!]!))];
  },
  lower: (emit, inputs, { attrs: { axis } }) => emit.node('Softmax', inputs, { axis: axis as number }),
};
/** e^x over its sum along an axis. */
export const softmax = (x: Tensor, axis = -1): Tensor => apply1(softmaxOp, [x], { axis: axisOf(axis, x.rank) });
/** log of the softmax along an axis. */
export const logSoftmax = (x: Tensor, axis = -1): Tensor => sub(x, logSumExp(x, axis, true));
