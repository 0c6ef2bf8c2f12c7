/** @file Choosing and converting elements: where, clip, cast, and the gradient's full stop. */
import type { DType } from '../../spec/tensor-type.js';
import { spread } from '../array.js';
import { broadcastDims } from '../dims.js';
import type { Op } from '../op.js';
import { apply1, RuleError, type Tensor } from '../tensor.js';
import { sumTo } from './broadcast.js';
import { mul } from './arithmetic.js';
import { operand, unaryOp, want, type Operand } from './elementwise.js';
import { and, greaterEqual, lessEqual } from './logic.js';

export const whereOp: Op = {
  name: 'where',
  elementwise: true,
  infer([condition, x, y]) {
    want('bool', condition!.dtype);
    if (x!.dtype !== y!.dtype) throw new RuleError(`${x!.dtype} is not ${y!.dtype}`);
    return [{ dtype: x!.dtype, dims: broadcastDims(condition!.dims, broadcastDims(x!.dims, y!.dims)) }];
  },
  vjp: ({ inputs: [condition, x, y] }, [ct]) =>
    [undefined, sumTo(where(condition!, ct!, 0), x!.dims), sumTo(where(condition!, 0, ct!), y!.dims)],
  eval([condition, x, y], _, [dims]) {
    const a = spread(x!, dims!), b = spread(y!, dims!);
    return [spread(condition!, dims!).map((c, i) => (c ? a[i]! : b[i]!))];
  },
  lower: (emit, inputs) => emit.node('Where', inputs),
};
/** x where the condition holds, y elsewhere. */
export const where = (condition: Tensor, x: Operand, y: Operand): Tensor => apply1(whereOp, [condition, operand(x, y), operand(y, x)]);

export const clipOp: Op = unaryOp('clip', {
  eval: (x, { low, high }) => Math.min(Math.max(x, low as number), high as number),
  onnx: (emit, [x], { low, high }, dtype) => emit.node('Clip', [x!, emit.constant(dtype, [], [low as number]), emit.constant(dtype, [], [high as number])])[0]!,
  vjp: (ct, x, _, { low, high }) => mul(ct, cast(and(greaterEqual(x, low as number), lessEqual(x, high as number)), ct.dtype)),
});
/** x confined to low..high; the gradient is 0 outside. */
export const clip = (x: Tensor, low: number, high: number): Tensor => apply1(clipOp, [x], { low, high });

const isReal = (dtype: DType) => dtype === 'f32' || dtype === 'f64';
const CONVERT: Readonly<Record<DType, (x: number) => number>> = {
  f32: (x) => x, f64: (x) => x, i64: Math.trunc, i32: (x) => Math.trunc(x) | 0, u8: (x) => Math.trunc(x) & 255, bool: (x) => Number(x !== 0),
};
export const castOp: Op = {
  name: 'cast',
  elementwise: true,
  infer: ([x], { to }) => [{ dtype: to as DType, dims: x!.dims }],
  vjp: ({ inputs: [x] }, [ct]) => [isReal(x!.dtype) ? cast(ct!, x!.dtype) : undefined],
  eval: ([x], { to }) => [x!.data.map(CONVERT[to as DType])],
  lower: (emit, [x], { attrs: { to } }) => [emit.cast(x!, to as DType)],
};
/** The same values in another type: reals lose their fraction, anything but 0 is true. */
export const cast = (x: Tensor, dtype: DType): Tensor => (x.dtype === dtype ? x : apply1(castOp, [x], { to: dtype }));

export const stopGradientOp: Op = {
  name: 'stopGradient',
  elementwise: true,
  infer: ([x]) => [x!],
  eval: ([x]) => [x!.data],
  lower: (_, inputs) => inputs,
};
/** x, as a constant to whoever differentiates. */
export const stopGradient = (x: Tensor): Tensor => apply1(stopGradientOp, [x]);
