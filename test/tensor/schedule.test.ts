/** @file The order in which a program's equations run: each after those that it uses, all of them once, and with less memory than depth first. */
import { grad } from '../../engine/tensor/grad.js';
import { schedule, peakOf } from '../../engine/tensor/onnx/schedule.js';
import { add, concat, input, leakyRelu, matmul, mean, mul, reshape, square } from '../../engine/tensor/ops/index.js';
import { topological, type Equation, type Tensor } from '../../engine/tensor/tensor.js';

const shape = (...dims: number[]) => ({ dtype: 'f32' as const, dims });
const valid = (order: readonly Equation[]) => {
  const at = new Map(order.map((equation, i) => [equation, i]));
  for (const { inputs } of order) for (const t of inputs) expect(at.has(t.equation)).toBe(true);
  return order.every((equation, i) => equation.inputs.every((t) => at.get(t.equation)! < i));
};

/** Gradients of a tower of layers, as one vector from the first layer's on. */
function tower(layers: number): readonly Tensor[] {
  const weights = Array.from({ length: layers }, (_, i) => input(`w${i}`, shape(16, 16)));
  let h = input('x', shape(512, 16));
  for (const w of weights) h = leakyRelu(matmul(h, w), 0.1);
  return [concat(grad(mean(square(h)), weights).map((g) => reshape(g, [-1])), 0)];
}

test('all equations are there once, each after those that it uses', () => {
  const roots = tower(6), order = schedule(roots);
  expect(new Set(order)).toEqual(new Set(topological(roots)));
  expect(order).toHaveLength(topological(roots).length);
  expect(valid(order)).toBe(true);
});

test("a tower's gradients need less memory than depth first: layers wait for no other's", () => {
  const roots = tower(12);
  expect(peakOf(schedule(roots), roots)).toBeLessThan(0.75 * peakOf(topological(roots), roots));
});

test('memory is counted by what is held at once; views and what is there before take none', () => {
  const x = input('x', shape(100)), y = mul(x, 2), z = reshape(add(y, 1), [10, 10]);
  expect(peakOf(topological([z]), [z])).toBe(800);
  expect(peakOf(topological([y]), [y])).toBe(400);
  expect(peakOf(topological([reshape(x, [10, 10])]), [x])).toBe(0);
});

test('sizes that are symbols are no obstacle', () => {
  const x = input('x', { dtype: 'f32', dims: ['N', 3] }), roots = [mul(add(x, 1), add(x, 2))];
  expect(valid(schedule(roots))).toBe(true);
});
