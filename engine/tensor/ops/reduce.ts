/** @file Sums and means over axes. */
import type { DType } from '../../spec/tensor-type.js';
import { count, offsets, repeatedStrides } from '../array.js';
import { axesOf, known, numbers, reducedDims } from '../dims.js';
import type { NdArray, Op } from '../op.js';
import { apply1, type Tensor } from '../tensor.js';
import { mul, sub } from './arithmetic.js';
import { broadcastTo } from './broadcast.js';
import { want } from './elementwise.js';
import { fewRows, reshaped, weightedColumns } from './emission.js';
import { square } from './function.js';
import { reshape } from './shape.js';

type Axes = number | readonly number[];
const isReal = (dtype: DType) => dtype === 'f32' || dtype === 'f64';

/** Where each element of an array goes when `axes` are reduced. */
export const reducedOffsets = (dims: readonly number[], axes: readonly number[]): Int32Array =>
  offsets(dims, repeatedStrides(reducedDims(dims, axes, true) as number[], dims.length));

function sums({ dims, data }: NdArray, axes: readonly number[], size: number): Float64Array {
  const out = new Float64Array(size), to = reducedOffsets(dims, axes);
  for (let i = 0; i < data.length; i++) out[to[i]!]! += data[i]!;
  return out;
}
const sizeAlong = (dims: readonly number[], axes: readonly number[]) => axes.reduce((n, axis) => n * dims[axis]!, 1);

/** The rest of a reduction's operator: sizes, and how its cotangent meets its input again. */
const reduction = (name: string, onnx: string): Pick<Op, 'name' | 'infer' | 'lower'> => ({
  name,
  infer([x], { axes, keep }) {
    want(name === 'sum' ? 'number' : 'real', x!.dtype);
    return [{ dtype: x!.dtype, dims: reducedDims(x!.dims, axes as number[], keep as boolean) }];
  },
  lower(emit, [x], { attrs, inputs: [from] }) {
    const axes = attrs.axes as readonly number[], [rows] = from!.dims;
    if (from!.rank === 2 && axes.length === 1 && axes[0] === 0 && isReal(from!.dtype) && known(from!.dims) && fewRows(rows as number)) {
      const row = weightedColumns(emit, x!, from!.dtype, rows as number, name === 'sum' ? 1 : 1 / (rows as number));
      return [attrs.keep ? row : reshaped(emit, row, from!.dims[1]!)];
    }
    const over = (name: string, some: readonly number[], keepdims: number) =>
      emit.node(onnx, [name, emit.constant('i64', [some.length], some)], { keepdims });
    const whole = axes.length > 1 && axes.length === from!.rank && known(from!.dims) && count(from!.dims) > ONE_AFTER_THE_OTHER;
    // Rows first, then their sums: added one after the other, many float32 numbers lose what cancels.
    const half = axes.length >> 1;
    return whole ? over(over(x!, axes.slice(half), 1)[0]!, attrs.keep ? axes.slice(0, half) : axes, Number(attrs.keep)) : over(x!, axes, Number(attrs.keep));
  },
});
/** Sums of everything that are of more elements go in two stages. */
const ONE_AFTER_THE_OTHER = 1 << 10;
/** A reduction's cotangent with the reduced axes back as 1. */
export const restored = (ct: Tensor, x: Tensor, axes: readonly number[]): Tensor => reshape(ct, reducedDims(x.dims, axes, true));

export const sumOp: Op = {
  ...reduction('sum', 'ReduceSum'),
  vjp: ({ inputs: [x], attrs: { axes } }, [ct]) => [broadcastTo(restored(ct!, x!, axes as number[]), x!.dims)],
  eval: ([x], { axes }, [dims]) => [sums(x!, axes as number[], dims!.reduce((a, b) => a * b, 1))],
};
export const meanOp: Op = {
  ...reduction('mean', 'ReduceMean'),
  vjp({ inputs: [x], attrs: { axes } }, [ct]) {
    const along = numbers((axes as number[]).map((axis) => x!.dims[axis]!), 'the gradient of a mean');
    return [broadcastTo(mul(restored(ct!, x!, axes as number[]), 1 / along.reduce((a, b) => a * b, 1)), x!.dims)];
  },
  eval: ([x], { axes }, [dims]) => [sums(x!, axes as number[], dims!.reduce((a, b) => a * b, 1)).map((v) => v / sizeAlong(x!.dims, axes as number[]))],
};

const reduce = (op: Op, x: Tensor, axes: Axes | undefined, keep: boolean): Tensor => {
  const over = axesOf(axes, x.rank);
  return over.length ? apply1(op, [x], { axes: over, keep }) : x;
};
/** The sum over `axes` (all of them, unless given), which stay as 1 with `keep`. */
export const sum = (x: Tensor, axes?: Axes, keep = false): Tensor => reduce(sumOp, x, axes, keep);
/** The mean over `axes` (all of them, unless given), which stay as 1 with `keep`. */
export const mean = (x: Tensor, axes?: Axes, keep = false): Tensor => reduce(meanOp, x, axes, keep);
/** The mean squared distance from the mean over `axes`: the population's variance, divided by n. */
export const variance = (x: Tensor, axes?: Axes, keep = false): Tensor => mean(square(sub(x, mean(x, axes, true))), axes, keep);
