/** @file The interpreter: symbols take their sizes from the feeds, wrong feeds are named. */
import { evaluate } from '../../engine/tensor/evaluate.js';
import * as ops from '../../engine/tensor/ops/index.js';

const x = ops.input('x', { dtype: 'f32', dims: ['N', 2] }), y = ops.input('y', { dtype: 'f32', dims: ['N', 1] });
const sum = ops.reshape(ops.add(x, y), [2, 'N']);

test('symbols are bound by the feeds', () => {
  const feeds = { x: { dims: [3, 2], data: [1, 2, 3, 4, 5, 6] }, y: { dims: [3, 1], data: Float32Array.of(10, 20, 30) } };
  expect(evaluate([sum, x], feeds)).toEqual([
    { dims: [2, 3], data: Float64Array.of(11, 12, 23, 24, 35, 36) },
    { dims: [3, 2], data: Float64Array.of(1, 2, 3, 4, 5, 6) },
  ]);
});

test('whole numbers of 64 bits are numbers', () => {
  const i = ops.input('i', { dtype: 'i64', dims: [2] });
  expect(evaluate([ops.add(i, 1)], { i: { dims: [2], data: BigInt64Array.of(1n, 41n) } })[0]!.data).toEqual(Float64Array.of(2, 42));
});

test('wrong feeds are named', () => {
  const one = { dims: [1, 2], data: [1, 2] };
  expect(() => evaluate([sum], { x: one })).toThrow('input y has no value');
  expect(() => evaluate([sum], { x: one, y: { dims: [2, 1], data: [1, 2] } })).toThrow(/input . is \[.*\]; the program wants \[N=\d,\d\]/);
  expect(() => evaluate([x], { x: { dims: [4], data: [1, 2, 3, 4] } })).toThrow('input x is [4]; the program wants [N,2]');
});

test('deep programs do not overflow the stack', () => {
  let t = ops.input('t', { dtype: 'f32', dims: [] });
  for (let i = 0; i < 50_000; i++) t = ops.add(t, 1);
  expect(evaluate([t], { t: { dims: [], data: [0] } })[0]!.data[0]).toBe(50_000);
});
