/** @file Cases of reductions, sizes, parts, indices, matrix products and normalisation. */
import * as ops from '../../../engine/tensor/ops/index.js';
import { apply1 } from '../../../engine/tensor/tensor.js';
import type { Case, Sample } from './case.js';

const x = [2, 3, 4];
const index = (dims: readonly number[], below: number): Sample => ({ dims, dtype: 'i64', below });
const distinct = (dims: readonly number[]): Sample => ({ dims, apart: 0 });

const reductions = ([undefined, 0, [1], [0, 2], [-1]] as const).flatMap((axes): Case[] => [true, false].flatMap((keep): Case[] => [
  { op: ops.sumOp, inputs: { x }, build: (t) => ops.sum(ops.sin(t.x!), axes, keep) },
  { op: ops.meanOp, inputs: { x }, build: (t) => ops.mean(ops.sin(t.x!), axes, keep) },
  { op: ops.meanOp, inputs: { x }, build: (t) => ops.variance(t.x!, axes, keep) },
  { op: ops.max.op, inputs: { x: distinct(x) }, build: (t) => ops.square(ops.max(t.x!, axes, keep)) },
  { op: ops.min.op, inputs: { x: distinct(x) }, build: (t) => ops.square(ops.min(t.x!, axes, keep)) },
]));

const alongAxes = [0, 1, 2].flatMap((axis): Case[] => [
  { op: ops.argMax.op, inputs: { x: distinct(x) }, build: (t) => [ops.argMax(t.x!, axis), ops.argMax(t.x!, axis, true)] },
  { op: ops.argMin.op, inputs: { x: distinct(x) }, build: (t) => ops.argMin(t.x!, axis) },
  { op: ops.topKOp, inputs: { x: distinct(x) }, build: (t) => { const { values, indices } = ops.topK(t.x!, 2, axis); return [ops.square(values), indices]; } },
  { op: ops.softmaxOp, inputs: { x }, build: (t) => ops.softmax(t.x!, axis) },
  { op: ops.logSumExpOp, inputs: { x }, build: (t) => ops.logSumExp(t.x!, axis) },
  { op: ops.logSumExpOp, inputs: { x: { dims: x, low: -50, high: 50 } }, build: (t) => ops.logSoftmax(t.x!, axis) },
  { op: ops.gatherOp, inputs: { x, i: index([5], 2) }, build: (t) => ops.gather(ops.square(t.x!), t.i!, axis) },
  { op: ops.gatherOp, inputs: { x, i: index([2, 2], 2) }, build: (t) => ops.gather(t.x!, t.i!, axis) },
  { op: ops.concatOp, inputs: { x, y: x }, build: (t) => ops.square(ops.concat([t.x!, ops.sin(t.y!), t.x!], axis)) },
  { op: ops.sliceOp, inputs: { x }, build: (t) => ops.square(ops.slice(t.x!, axis, 1, x[axis]!)) },
]);

const parts: Case[] = [
  { op: ops.sliceOp, inputs: { x: [2, 7] }, build: (t) => ops.square(ops.slice(t.x!, 1, 1, 7, 3)) },
  { op: ops.sliceOp, inputs: { x: [7, 2] }, build: (t) => ops.square(ops.slice(t.x!, 0, 0, 7, 2)) },
  { op: ops.sliceOp, inputs: { x: [7, 2] }, build: (t) => ops.square(ops.slice(t.x!, 0, 1, -1, 2)) },
  { op: ops.splitOp, inputs: { x: [6, 2] }, build: (t) => { const [a, b, c] = ops.split(t.x!, [1, 3, 2]); return [ops.square(a!), ops.sin(b!), c!]; } },
  { op: ops.splitOp, inputs: { x: [2, 5] }, build: (t) => ops.square(ops.split(t.x!, [2, 3], 1)[1]!) },
  { op: ops.padOp, inputs: { x: [2, 3] }, build: (t) => ops.square(ops.pad(t.x!, [[1, 0], [2, 1]], 0.5)) },
  { op: ops.scatterAddOp, inputs: { x: [3, 2], i: index([4], 3), y: [4, 2] }, build: (t) => ops.square(ops.scatterAdd(t.x!, t.i!, t.y!)) },
  { op: ops.scatterAddOp, inputs: { x: [2, 3, 2], i: index([2, 2], 3), y: [2, 2, 2, 2] }, build: (t) => ops.square(ops.scatterAdd(t.x!, t.i!, t.y!, 1)) },
  { op: ops.scatterAddOp, inputs: { x: [3], i: index([5], 3), y: [5] }, build: (t) => ops.scatterAdd(t.x!, t.i!, ops.square(t.y!)) },
  { op: ops.constantOp, inputs: { x: [400] }, build: (t) => [ops.mul(t.x!, ops.iota(400, 'f32')), ops.concat([t.x!, ops.constant(3, 'f32', [300])])] },
  { op: ops.constantOp, inputs: { i: index([3], 4) }, build: (t) => [ops.oneHot(t.i!, 4), ops.add(t.i!, 1)] },
];

const sizes: Case[] = [
  { op: ops.broadcastOp, inputs: { x: [3, 1] }, build: (t) => ops.square(ops.broadcastTo(t.x!, [2, 3, 4])) },
  { op: ops.broadcastOp, inputs: { x: [] }, build: (t) => ops.concat([ops.broadcastTo(ops.sin(t.x!), [2, 3]), ops.broadcastTo(t.x!, [1, 3])]) },
  { op: ops.reshapeOp, inputs: { x }, build: (t) => [ops.square(ops.reshape(t.x!, [4, -1])), ops.flatten(t.x!), ops.reshape(t.x!, [24])] },
  { op: ops.transposeOp, inputs: { x }, build: (t) => [ops.square(ops.transpose(t.x!)), ops.transpose(t.x!, [1, 0, 2])] },
];

const products = [true, false].flatMap((transposeA) => [true, false].flatMap((transposeB): Case[] => {
  const a = transposeA ? [4, 3] : [3, 4], b = transposeB ? [2, 4] : [4, 2];
  const case_ = (first: readonly number[], second: readonly number[]): Case =>
    ({ op: ops.matmulOp, inputs: { a: [...first, ...a], b: [...second, ...b] }, build: (t) => ops.matmul(t.a!, t.b!, { transposeA, transposeB }) });
  return [case_([], []), case_([2], [2]), case_([2], []), case_([], [2]), case_([2, 1], [3])];
}));

const startedFrom = [[3, 2], [2], [3, 1], []].map((dims): Case => ({
  op: ops.matmulOp, inputs: { a: [3, 4], b: [4, 2], c: dims }, build: (t) => apply1(ops.matmulOp, [t.a!, t.b!, ops.sin(t.c!)], { transposeA: false, transposeB: false }),
}));

const normalised = [[5, 2], [3, 2, 2, 2]].flatMap((dims): Case[] => [
  {
    op: ops.batchNormaliseOp, inputs: { x: dims, gamma: dims.slice(0, 2), beta: dims.slice(0, 2) },
    build: (t) => { const { y, mean, variance } = ops.batchNormalise(t.x!, t.gamma!, t.beta!, 0.1); return [ops.sin(y), mean, variance]; },
  },
  { op: ops.batchNormaliseOp, inputs: { x: dims, gamma: [2], beta: [2] }, build: (t) => ops.batchNormalise(t.x!, t.gamma!, t.beta!, 0.1).y },
  {
    op: ops.batchNormaliseOp, inputs: { x: dims, gamma: [2], beta: [2] },
    build: (t) => { const { y, mean, variance } = ops.batchNormalise(t.x!, t.gamma!, t.beta!); return [ops.sin(y), mean, ops.square(variance)]; },
  },
  { op: ops.batchNormaliseOp, inputs: { x: dims, gamma: [2], beta: [2] }, build: (t) => ops.square(ops.batchNormalise(t.x!, t.gamma!, t.beta!).mean) },
]);

export const arrays: readonly Case[] = [...reductions, ...alongAxes, ...parts, ...sizes, ...products, ...startedFrom, ...normalised];
