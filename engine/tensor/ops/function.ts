/** @file Functions of one variable, element by element. */
import { apply1, type Tensor } from '../tensor.js';
import { div, mul, sub } from './arithmetic.js';
import { cast, clip, stopGradient, where } from './choice.js';
import { unary, unaryOp } from './elementwise.js';
import { greater } from './logic.js';

export const neg = unary('neg', { eval: (x) => -x, onnx: 'Neg', of: 'number', vjp: (ct) => neg(ct) });
export const exp = unary('exp', { eval: Math.exp, onnx: 'Exp', vjp: (ct, _, y) => mul(ct, y) });
export const log = unary('log', { eval: Math.log, onnx: 'Log', vjp: (ct, x) => div(ct, x) });
export const sqrt = unary('sqrt', { eval: Math.sqrt, onnx: 'Sqrt', vjp: (ct, _, y) => div(mul(ct, 0.5), y) });
export const reciprocal = unary('reciprocal', { eval: (x) => 1 / x, onnx: 'Reciprocal', vjp: (ct, _, y) => neg(mul(ct, square(y))) });
export const square = unary('square', { eval: (x) => x * x, onnx: (emit, [x]) => emit.node('Mul', [x!, x!])[0]!, of: 'number', vjp: (ct, x) => mul(ct, mul(x, 2)) });
export const tanh = unary('tanh', { eval: Math.tanh, onnx: 'Tanh', vjp: (ct, _, y) => mul(ct, sub(1, square(y))) });
export const sin = unary('sin', { eval: Math.sin, onnx: 'Sin', vjp: (ct, x) => mul(ct, cos(x)) });
export const cos = unary('cos', { eval: Math.cos, onnx: 'Cos', vjp: (ct, x) => neg(mul(ct, sin(x))) });
export const floor = unary('floor', { eval: Math.floor, onnx: 'Floor' });
/** -1, 0 or 1. Written with comparisons, because WebGPU has no Sign. */
export const sign = unary('sign', {
  eval: Math.sign, of: 'number',
  onnx(emit, [x], _, dtype) {
    const zero = emit.constant(dtype, [], [0]);
    const [above, below] = ['Greater', 'Less'].map((compare) => emit.cast(emit.node(compare, [x!, zero])[0]!, dtype));
    return emit.node('Sub', [above!, below!])[0]!;
  },
});
export const abs = unary('abs', { eval: Math.abs, onnx: 'Abs', of: 'number', vjp: (ct, x) => mul(ct, sign(x)) });

export const sigmoid = unary('sigmoid', { eval: (x) => 1 / (1 + Math.exp(-x)), onnx: 'Sigmoid', vjp: (ct, _, y) => mul(ct, mul(y, sub(1, y))) });
/** log(1 + e^x) without overflow. */
export const softplus = unary('softplus', {
  eval: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), onnx: 'Softplus', vjp: (ct, x) => mul(ct, sigmoid(x)),
});
export const relu = unary('relu', { eval: (x) => Math.max(x, 0), onnx: 'Relu', vjp: (ct, _, y) => mul(ct, cast(greater(y, 0), ct.dtype)) });

export const hardSigmoidOp = unaryOp('hardSigmoid', {
  eval: (x, { slope, offset }) => Math.max(0, Math.min(1, (slope as number) * x + (offset as number))),
  onnx: (emit, inputs, { slope, offset }) => emit.node('HardSigmoid', inputs, { alpha: { float: slope as number }, beta: { float: offset as number } })[0]!,
  vjp: (ct, _, y, { slope }) => mul(ct, mul(cast(greater(mul(y, sub(1, y)), 0), ct.dtype), slope as number)),
});
/** slope x + offset, within 0 and 1. */
export const hardSigmoid = (x: Tensor, slope = 0.2, offset = 0.5): Tensor => apply1(hardSigmoidOp, [x], { slope, offset });

/** x above 0, e^x - 1 below. Its slope, 1 above and y + 1 below, is a hard sigmoid of its result: one pass over memory instead of two. */
export const elu = unary('elu', { eval: (x) => (x > 0 ? x : Math.expm1(x)), onnx: 'Elu', vjp: (ct, _, y) => mul(ct, hardSigmoid(y, 1, 1)) });

export const leakyReluOp = unaryOp('leakyRelu', {
  eval: (x, { slope }) => (x > 0 ? x : x * (slope as number)),
  onnx: (emit, inputs, { slope }) => emit.node('LeakyRelu', inputs, { alpha: { float: slope as number } })[0]!,
  vjp: (ct, x, y, { slope }) => ((slope as number) > 0 && (slope as number) < 1 ? mul(ct, slopes(y, slope as number)) : where(greater(x, 0), ct, mul(ct, slope as number))),
});
/** Stretched so far, a number that is not 0 is beyond any slope. */
const FAR = 1e38;
/** 1 where a leaky ReLU's result is above 0, `slope` elsewhere. A result is positive where its argument is, and is kept anyhow by what comes next: then the argument need not be. Stretched and clipped takes half the time of chosen. */
const slopes = (y: Tensor, slope: number): Tensor => stopGradient(clip(mul(y, FAR), slope, 1));

/** x above 0, slope x below. */
export const leakyRelu = (x: Tensor, slope = 0.01): Tensor => apply1(leakyReluOp, [x], { slope });
