/** @file Operators against values worked out by hand: sizes, ties, edges. */
import { evaluate } from '../../engine/tensor/evaluate.js';
import { grad } from '../../engine/tensor/grad.js';
import * as ops from '../../engine/tensor/ops/index.js';
import type { Tensor } from '../../engine/tensor/tensor.js';

const vector = (...values: number[]) => ops.constant(values);
const matrix = (...rows: number[][]) => ops.constant(rows.flat(), 'f32', [rows.length, rows[0]!.length]);
const integers = (...values: number[]) => ops.constant(values, 'i64');
const value = (t: Tensor) => Array.from(evaluate([t])[0]!.data);
const m = matrix([1, 2, 3], [4, 5, 6]);

test.each<[string, () => Tensor, number[], number[]]>([
  ['arithmetic with numbers on either side', () => ops.sub(10, ops.mul(ops.add(vector(1, 2), 1), 2)), [2], [6, 4]],
  ['division and powers', () => ops.div(ops.pow(vector(1, 2, 3), 3), 2), [3], [0.5, 4, 13.5]],
  ['a row and a column', () => ops.maximum(matrix([1], [3]), vector(0, 2, 4)), [2, 3], [1, 2, 4, 3, 3, 4]],
  ['relu, leaky relu and elu', () => ops.concat([ops.relu(vector(-1, 2)), ops.leakyRelu(vector(-1, 2), 0.2), ops.elu(vector(0, 2))]), [6], [0, 2, -0.2, 2, 0, 2]],
  ['softplus of large numbers', () => ops.softplus(vector(1000, -1000, 0)), [3], [1000, 0, Math.log(2)]],
  ['the nearest integers towards zero', () => ops.cast(vector(-1.7, 2.9), 'i64'), [2], [-1, 2]],
  ['logic', () => ops.and(ops.not(ops.equal(vector(1, 2), 1)), ops.or(ops.less(vector(1, 2), 2), ops.lessEqual(vector(1, 2), 2))), [2], [0, 1]],
  ['where', () => ops.where(ops.greater(m, 3), m, 0), [2, 3], [0, 0, 0, 4, 5, 6]],
  ['clip', () => ops.clip(m, 2, 5), [2, 3], [2, 2, 3, 4, 5, 5]],
  ['sums', () => ops.sum(m), [], [21]],
  ['sums of columns', () => ops.sum(m, 0), [3], [5, 7, 9]],
  ['means of rows, kept', () => ops.mean(m, -1, true), [2, 1], [2, 5]],
  ['the population variance', () => ops.variance(m, [0, 1]), [], [35 / 12]],
  ['the largest of each row', () => ops.max(m, 1), [2], [3, 6]],
  ['the smallest of all', () => ops.min(m), [], [1]],
  ['the first of equal largest', () => ops.argMax(matrix([1, 3, 3], [2, 2, 2]), 1), [2], [1, 0]],
  ['the first of equal smallest', () => ops.argMin(matrix([3, 1, 1], [2, 2, 2]), 1, true), [2, 1], [1, 0]],
  ['the top two with ties', () => ops.topK(vector(1, 5, 5, 2), 2).indices, [2], [1, 2]],
  ['the top two of each column', () => ops.topK(matrix([1, 9], [3, 8], [2, 7]), 2, 0).values, [2, 2], [3, 9, 2, 8]],
  ['log-sum-exp of large numbers', () => ops.logSumExp(vector(1000, 1000), 0), [], [1000 + Math.log(2)]],
  ['softmax', () => ops.softmax(vector(0, Math.log(3))), [2], [0.25, 0.75]],
  ['reshape with an open size', () => ops.reshape(m, [3, -1]), [3, 2], [1, 2, 3, 4, 5, 6]],
  ['transpose', () => ops.transpose(m), [3, 2], [1, 4, 2, 5, 3, 6]],
  ['a slice from the end', () => ops.slice(m, 1, -2, 3), [2, 2], [2, 3, 5, 6]],
  ['every second element', () => ops.slice(vector(0, 1, 2, 3, 4), 0, 0, 5, 2), [3], [0, 2, 4]],
  ['concatenated columns', () => ops.concat([m, matrix([7], [8])], 1), [2, 4], [1, 2, 3, 7, 4, 5, 6, 8]],
  ['a part', () => ops.split(m, [1, 2], 1)[1]!, [2, 2], [2, 3, 5, 6]],
  ['padding', () => ops.pad(vector(1, 2), [[1, 2]], 9), [5], [9, 1, 2, 9, 9]],
  ['picked rows', () => ops.gather(m, integers(1, 1, 0)), [3, 3], [4, 5, 6, 4, 5, 6, 1, 2, 3]],
  ['picked columns', () => ops.gather(m, integers(2), 1), [2, 1], [3, 6]],
  ['sums at indices', () => ops.scatterAdd(vector(1, 1, 1), integers(2, 0, 2), vector(1, 2, 3)), [3], [3, 1, 5]],
  ['one-hot rows', () => ops.oneHot(integers(2, 0), 3), [2, 3], [0, 0, 1, 1, 0, 0]],
  ['a product with a transpose', () => ops.matmul(m, m, { transposeB: true }), [2, 2], [14, 32, 32, 77]],
  ['a stack of products', () => ops.matmul(ops.reshape(ops.iota(4, 'f32'), [2, 2, 1]), matrix([1, 10])), [2, 2, 2], [0, 0, 1, 10, 2, 20, 3, 30]],
  ['summed to a column', () => ops.sumTo(m, [2, 1]), [2, 1], [6, 15]],
  ['batch normalisation', () => ops.batchNormalise(matrix([1, 0], [3, 0]), vector(2, 1), vector(1, 7), 0).y.equation.outputs[1]!, [2], [2, 0]],
])('%s', (_, build, dims, expected) => {
  const t = build();
  expect(t.dims).toEqual(dims);
  expect(value(t)).toHaveLength(expected.length);
  value(t).forEach((v, i) => { expect(v).toBeCloseTo(expected[i]!, 12); });
});

const gradient = (f: (x: Tensor) => Tensor, ...at: number[]) => {
  const x = ops.input('x', { dtype: 'f32', dims: [at.length] });
  return Array.from(evaluate(grad(ops.sum(f(x)), [x]), { x: { dims: [at.length], data: at } })[0]!.data);
};

test('at ties and kinks gradients go where the documentation says', () => {
  expect(gradient((x) => ops.max(x), 1, 5, 5)).toEqual([0, 0.5, 0.5]);
  expect(gradient((x) => ops.min(x, 0), 5, 1, 1)).toEqual([0, 0.5, 0.5]);
  expect(gradient((x) => ops.maximum(x, 0), -1, 0, 1)).toEqual([0, 1, 1]);
  expect(gradient((x) => ops.maximum(0, x), -1, 0, 1)).toEqual([0, 0, 1]);
  expect(gradient((x) => ops.minimum(x, 0), -1, 0, 1)).toEqual([1, 1, 0]);
  expect(gradient(ops.relu, -1, 0, 1)).toEqual([0, 0, 1]);
  expect(gradient((x) => ops.clip(x, 0, 1), -1, 0, 1, 2)).toEqual([0, 1, 1, 0]);
});

test('unused inputs have zero gradients, interior tensors have theirs', () => {
  const x = ops.input('x', { dtype: 'f32', dims: [2] }), unused = ops.input('u', { dtype: 'f32', dims: [2, 2] });
  const middle = ops.square(x), [dx, dm, du] = grad(ops.sum(ops.mul(middle, 3)), [x, middle, unused]);
  const results = evaluate([dx!, dm!, du!], { x: { dims: [2], data: [1, 2] } });
  expect(results.map((r) => Array.from(r.data))).toEqual([[6, 12], [3, 3], [0, 0, 0, 0]]);
});

test('rules name the operator, the types and what is wrong', () => {
  const x = ops.input('x', { dtype: 'f32', dims: [2, 3] }), n = ops.input('n', { dtype: 'f32', dims: ['N', 3] });
  expect(() => ops.add(x, ops.constant([1, 2]))).toThrow('add(f32[2,3], f32[2]): [2,3] and [2] do not broadcast: 3 is not 2');
  expect(() => ops.add(x, integers(1))).toThrow('f32 is not i64');
  expect(() => ops.matmul(x, x)).toThrow('the inner sizes differ: 3 is not 2');
  expect(() => ops.reshape(x, [4, -1])).toThrow('[2,3] does not reshape to [4,-1]');
  expect(() => ops.concat([x, ops.constant(0, 'f32', [3, 2])])).toThrow('differ beside axis 0');
  expect(() => ops.log(integers(1))).toThrow('wants f32 or f64, got i64');
  expect(() => ops.slice(n, 0, 1, 2)).toThrow('a slice wants sizes that are numbers, got [N]');
  expect(() => grad(ops.mean(n), [n])).toThrow('the gradient of a mean wants sizes that are numbers');
  expect(() => grad(x, [x])).toThrow('grad wants a scalar');
  expect(() => evaluate([ops.gather(m, integers(2))])).toThrow('index 2 is not within 0..1');
});
