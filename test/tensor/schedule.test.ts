/** @file The order in which a program's equations run: each after those that it uses, all of them once, and with less memory than depth first. */
import { grad } from '../../engine/tensor/grad.js';
import { schedule, peakOf } from '../../engine/tensor/onnx/schedule.js';
import { add, concat, div, input, leakyRelu, matmul, mean, mul, reshape, split, sqrt, square, sub } from '../../engine/tensor/ops/index.js';
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

/** A step of two networks: real images with a penalty of their slopes, generated images, an update of the discriminator, and the generator's through the new one. */
function adversarialStep(layers: number, side: number) {
  const vector = (name: string) => input(name, shape(layers * side * side));
  const cut = (flat: Tensor) => split(flat, Array<number>(layers).fill(side * side)).map((t) => reshape(t, [side, side]));
  const through = (weights: readonly Tensor[], x: Tensor) => weights.reduce((h, w) => leakyRelu(matmul(h, w), 0.1), x), score = (weights: readonly Tensor[], x: Tensor) => mean(square(through(weights, x)));
  const gradient = (loss: Tensor, weights: readonly Tensor[]) => concat(grad(loss, weights).map((g) => reshape(g, [-1])), 0);
  const [g, d, moment] = [vector('g'), vector('d'), vector('moment')], [generator, discriminator] = [cut(g), cut(d)], image = input('image', shape(512, side));
  const fake = through(generator, input('z', shape(512, side))), real = score(discriminator, image), penalty = mean(square(grad(real, [image])[0]!));
  const first = add(real, penalty), slope = gradient(add(first, score(discriminator, fake)), discriminator), next = add(mul(moment, 0.9), square(slope));
  const updated = sub(d, div(slope, sqrt(next)));
  return { penalised: [gradient(first, discriminator)], all: [sub(g, gradient(score(cut(updated), fake), generator)), updated, next, first] };
}

test("a penalty's slopes are gone before generated images come", () => {
  const { penalised, all } = adversarialStep(8, 128);
  expect(peakOf(schedule(all), all)).toBeLessThan(2 * peakOf(schedule(penalised), penalised));
});

test('memory is counted by what is held at once; views, results and what is there before take none', () => {
  const x = input('x', shape(100)), y = mul(x, 2), z = reshape(mul(add(y, 1), 3), [10, 10]);
  expect(peakOf(topological([z]), [z])).toBe(800);
  expect(peakOf(topological([y]), [y])).toBe(0);
  expect(peakOf(topological([reshape(x, [10, 10])]), [x])).toBe(0);
});

test('sizes that are symbols are no obstacle', () => {
  const x = input('x', { dtype: 'f32', dims: ['N', 3] }), roots = [mul(add(x, 1), add(x, 2))];
  expect(valid(schedule(roots))).toBe(true);
});
