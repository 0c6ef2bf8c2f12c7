/** @file Cases of arithmetic, functions, comparisons and choices. */
import * as ops from '../../../engine/tensor/ops/index.js';
import type { Op } from '../../../engine/tensor/op.js';
import type { Tensor } from '../../../engine/tensor/tensor.js';
import type { Case, Sample } from './case.js';

const SHAPES = [[[2, 3], [2, 3]], [[2, 3], [3]], [[3, 1], [1, 4]], [[], [2, 2]], [[2, 1, 3], [2, 1]]] as const;

type Binary = ((x: Tensor, y: Tensor) => Tensor) & { readonly op: Op };
const binary = (apply: Binary, x: Omit<Sample, 'dims'> = {}, y: Omit<Sample, 'dims'> = x): Case[] =>
  SHAPES.map(([a, b]) => ({ op: apply.op, inputs: { x: { dims: a, ...x }, y: { dims: b, ...y } }, build: (t) => apply(t.x!, t.y!) }));

type Unary = ((x: Tensor) => Tensor) & { readonly op: Op };
const unary = (apply: Unary, sample: Omit<Sample, 'dims'> = {}): Case[] =>
  [[5], [2, 3]].map((dims) => ({ op: apply.op, inputs: { x: { dims, ...sample } }, build: (t) => apply(t.x!) }));

const comparing = [{ apart: 0 }, { apart: 0.1 }] as const;
const positive = { low: 0.3 }, flags = { dtype: 'bool' } as const, integers = { dtype: 'i64', below: 3 } as const;

export const elementwise: readonly Case[] = [
  ...[ops.add, ops.sub, ops.mul].flatMap((apply) => [...binary(apply), ...binary(apply, { dtype: 'i64', below: 9 })]),
  ...binary(ops.div, {}, positive), ...binary(ops.div, {}, { low: -3, high: -0.5 }), ...binary(ops.pow, positive, {}),
  ...binary(ops.maximum, ...comparing), ...binary(ops.minimum, ...comparing),
  ...[ops.greater, ops.less, ops.greaterEqual, ops.lessEqual].flatMap((apply) => [...binary(apply, ...comparing), ...binary(apply, integers)]),
  ...binary(ops.equal, integers), ...binary(ops.equal, { dtype: 'bool' }), ...binary(ops.and, flags), ...binary(ops.or, flags),
  ...unary(ops.not, flags),
  ...[ops.neg, ops.exp, ops.square, ops.tanh, ops.sin, ops.cos, ops.sigmoid, ops.softplus].flatMap((apply) => unary(apply)),
  ...unary(ops.softplus, { low: -30, high: 30 }),
  ...unary(ops.log, positive), ...unary(ops.sqrt, positive), ...unary(ops.reciprocal, positive), ...unary(ops.reciprocal, { low: -2, high: -0.3 }),
  ...[ops.abs, ops.sign, ops.relu, ops.elu].flatMap((apply) => unary(apply, { away: [0] })),
  ...unary(ops.floor, { away: [-2, -1, 0, 1, 2] }),
  { op: ops.leakyReluOp, inputs: { x: { dims: [2, 5], away: [0] } }, build: ({ x }) => ops.leakyRelu(x!, 0.2) },
  { op: ops.hardSigmoidOp, inputs: { x: { dims: [3, 4], away: [-1, 1 / 3] } }, build: ({ x }) => ops.hardSigmoid(x!, 0.75, 0.75) },
  { op: ops.clipOp, inputs: { x: { dims: [3, 4], away: [-1, 0.5] } }, build: ({ x }) => ops.clip(x!, -1, 0.5) },
  { op: ops.castOp, inputs: { x: { dims: [4], away: [-1, 0, 1] } }, build: ({ x }) => [ops.cast(ops.square(ops.cast(x!, 'f64')), 'f32'), ops.cast(x!, 'i64'), ops.cast(x!, 'bool')] },
  { op: ops.castOp, inputs: { x: { dims: [4], ...integers } }, build: ({ x }) => [ops.cast(x!, 'f32'), ops.cast(x!, 'i32')] },
  { op: ops.stopGradientOp, inputs: { x: [3] }, build: ({ x }) => ops.mul(ops.stopGradient(ops.mul(x!, 2)), 3) },
  ...SHAPES.map(([a, b]): Case => ({
    op: ops.whereOp, inputs: { c: { dims: b, ...flags }, x: a, y: b }, build: ({ c, x, y }) => ops.where(c!, x!, y!),
  })),
];
