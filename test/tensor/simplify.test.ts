/** @file Passes: what they remove, and that they keep values. */
import { evaluate } from '../../engine/tensor/evaluate.js';
import { grad } from '../../engine/tensor/grad.js';
import * as ops from '../../engine/tensor/ops/index.js';
import { printTensors } from '../../engine/tensor/print.js';
import { simplifyTensors } from '../../engine/tensor/simplify.js';
import { topological, type Tensor } from '../../engine/tensor/tensor.js';
import { draw, seeded } from './cases/case.js';

const x = ops.input('x', { dtype: 'f32', dims: [3, 4] }), w = ops.input('w', { dtype: 'f32', dims: [4, 4] });
const b = ops.input('b', { dtype: 'f32', dims: [4] });
const simple = (t: Tensor) => simplifyTensors([t])[0]!;
const shown = (t: Tensor) => printTensors({ y: simple(t) }).split('\n').filter((line) => !line.startsWith('input')).join('\n');

test.each<[string, Tensor, string]>([
  ['x + 0', ops.add(x, 0), 'y = x'],
  ['x times 1, minus 0', ops.sub(ops.mul(1, x), ops.constant(0, 'f32', [4])), 'y = x'],
  ['x times 0', ops.mul(x, 0), 'a:f32[3,4] = constant value=0\ny = a'],
  ['two negations', ops.neg(ops.neg(x)), 'y = x'],
  ['adding a negation', ops.add(x, ops.neg(b)), 'a:f32[3,4] = sub x b\ny = a'],
  ['factors', ops.mul(ops.neg(ops.mul(ops.mul(x, 2), 3)), -1), 'a:f32[3,4] = mul x 6\ny = a'],
  ['factors meet the smaller operand', ops.mul(ops.mul(x, 2), b), 'a:f32[4] = mul b 2\nc:f32[3,4] = mul x a\ny = c'],
  ['factors leave sums', ops.sum(ops.mul(x, 2)), 'a:f32[] = sum x axes=[0,1]\nb:f32[] = mul a 2\ny = b'],
  ['squares', ops.mul(x, x), 'a:f32[3,4] = square x\ny = a'],
  ['powers', ops.pow(ops.pow(x, 1), 2), 'a:f32[3,4] = square x\ny = a'],
  ['two transposes', ops.transpose(ops.transpose(x)), 'y = x'],
  ['transposed factors', ops.matmul(ops.transpose(w), ops.transpose(x)), 'a:f32[4,3] = matmul w x transposeA transposeB\ny = a'],
  ['two reshapes', ops.reshape(ops.reshape(x, [12]), [3, 4]), 'y = x'],
  ['parts put together', ops.concat(ops.split(x, [1, 2], 0)), 'y = x'],
  ['a part of a concatenation', ops.slice(ops.concat([x, w]), 0, 3, 7), 'y = w'],
  ['constants', ops.add(ops.mul(ops.constant([1, 2]), 2), 1), 'a:f32[2] = constant value=[3,5]\ny = a'],
  ['explicit broadcasting', ops.relu(ops.mul(ops.broadcastTo(b, [3, 4]), x)), 'a:f32[3,4] = mul b x\nc:f32[3,4] = relu a\ny = c'],
  ['a sum of repetitions', ops.sum(ops.broadcastTo(b, [3, 4])), 'a:f32[] = sum b axes=[0]\nc:f32[] = mul a 3\ny = c'],
  ['a product with ones', ops.matmul(x, ops.constant(1, 'f32', [4, 1])), 'a:f32[3] = sum x axes=[1]\nb:f32[3,1] = reshape a\ny = b'],
  ['a stopped gradient', ops.stopGradient(x), 'y = x'],
])('%s', (_, t, expected) => { expect(shown(t)).toBe(expected); });

test('equal equations become one', () => {
  const [first, second] = simplifyTensors([ops.tanh(ops.add(x, b)), ops.tanh(ops.add(b, x))]);
  expect(first).toBe(second);
  const constants = simplifyTensors([ops.iota(40), ops.iota(40), ops.iota(41)]);
  expect(constants[0]).toBe(constants[1]);
  expect(constants[2]).not.toBe(constants[0]);
});

test('inputs with one name stay apart', () => {
  const twin = ops.input('x', { dtype: 'f32', dims: [3, 4] });
  expect(simplifyTensors([x, twin])).toEqual([x, twin]);
  expect(simple(ops.sub(x, twin)).equation.inputs).toEqual([x, twin]);
});

/** A random program of `size` equations over x, w and b. */
function random(size: number, next: () => number): Tensor {
  const some = <T>(of: readonly T[]) => of[Math.floor(next() * of.length)]!;
  const binary = [ops.add, ops.sub, ops.mul, ops.maximum], unary = [ops.neg, ops.tanh, ops.square, ops.relu, ops.stopGradient, ops.sigmoid];
  const pool: Tensor[] = [x, ops.matmul(x, w), ops.broadcastTo(b, [3, 4]), ops.constant(0, 'f32', [3, 4]), ops.constant(1, 'f32', [3, 4])];
  for (let i = 0; i < size; i++) {
    const t = some(pool);
    pool.push(some([
      () => some(binary)(t, some(pool)),
      () => some(unary)(t),
      () => some(binary)(t, some([0, 1, -1, 2, 0.5])),
      () => ops.matmul(t, some(pool), { transposeA: true }).equation.inputs[0]!,
      () => ops.matmul(t, ops.matmul(some(pool), some(pool), { transposeA: true })),
      () => ops.transpose(ops.transpose(t)),
      () => ops.reshape(ops.transpose(ops.reshape(t, [4, 3])), [3, 4]),
      () => ops.concat(ops.split(t, [1, 2], 0)),
      () => ops.broadcastTo(ops.mean(t, some([0, 1]), true), [3, 4]),
      () => ops.broadcastTo(ops.sum(t), [3, 4]),
      () => ops.slice(ops.concat([t, some(pool)]), 0, 1, 4),
      () => ops.where(ops.greater(t, 0), t, some(pool)),
    ])());
  }
  return pool.at(-1)!;
}

test.each(Array.from({ length: 60 }, (_, seed) => [seed]))('a random program keeps its value and its gradient (seed %i)', (seed) => {
  const next = seeded(seed), y = ops.tanh(ops.mul(random(24, next), 0.01));
  const roots = [y, ...grad(ops.mean(ops.square(y)), [x, w, b])];
  const feeds = Object.fromEntries([x, w, b].map((t) => [t.equation.attrs.name, { dims: t.dims as number[], data: draw({ dims: t.dims as number[], low: -0.5, high: 0.5 }, next) }]));
  const before = evaluate(roots, feeds), less = simplifyTensors(roots), after = evaluate(less, feeds);
  before.forEach(({ data }, i) => {
    expect(less[i]!.shape).toEqual(roots[i]!.shape);
    const size = data.reduce((a, v) => Math.max(a, Math.abs(v)), 1e-3);
    data.forEach((v, k) => { expect(Math.abs(after[i]!.data[k]! - v) / size).toBeLessThan(1e-9); });
  });
  expect(topological(less).length).toBeLessThanOrEqual(topological(roots).length);
});
