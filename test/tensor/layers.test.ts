/** @file Layers: shapes, leaves and their first values, statistics that move as torch moves them, gains that follow a condition, changes of size. */
import { grad } from '../../engine/tensor/grad.js';
import { batchNorm, conditionalBatchNorm, conv, embedding, linear, maxout, transposedConv } from '../../engine/tensor/layers.js';
import { averagePool, constant, convolution, input, mul, resizeNearest, sum, transpose } from '../../engine/tensor/ops/index.js';
import { layoutOf, type Scope } from '../../engine/tensor/scope.js';
import type { Feed } from '../../engine/tensor/evaluate.js';
import type { Tensor } from '../../engine/tensor/tensor.js';
import { boundBy, expectEach, feedsBy } from './bound.js';

const seed = 5;
const { random, fill, numbers, vector } = feedsBy(seed), bound = boundBy(seed);
const x = (...dims: number[]) => input('x', { dtype: 'f32', dims });

test.each<[string, (s: Scope) => Tensor, readonly number[], Readonly<Record<string, readonly number[]>>, number]>([
  ['linear', (s) => linear(s, x(5, 9), 4), [5, 4], { weight: [4, 9], bias: [4] }, 1 / 3],
  ['linear without bias', (s) => linear(s, x(5, 9), 4, { bias: false }), [5, 4], { weight: [4, 9] }, 1 / 3],
  ['convolution', (s) => conv(s, x(2, 3, 8, 8), 6, { kernel: 4, stride: 2, padding: 1 }), [2, 6, 4, 4], { weight: [6, 4, 4, 3], bias: [6] }, 1 / Math.sqrt(48)],
  ['grouped convolution', (s) => conv(s, x(2, 4, 5, 5), 6, { kernel: 3, padding: 1, groups: 2 }), [2, 6, 5, 5], { weight: [6, 3, 3, 2], bias: [6] }, 1 / Math.sqrt(18)],
  ['transposed convolution', (s) => transposedConv(s, x(2, 6, 4, 4), 3, { kernel: 4, stride: 2, padding: 1 }), [2, 3, 8, 8], { weight: [6, 4, 4, 3], bias: [3] }, 1 / Math.sqrt(48)],
])(`%s has its leaves (kernels channels last) and torch's first values (seed ${seed})`, (_, build, dims, leaves, bound) => {
  const layout = layoutOf((s) => { expect(build(s).dims).toEqual(dims); });
  expect(Object.fromEntries(layout.parameters.map(({ path, dims }) => [path, dims]))).toEqual(leaves);
  expect(layout.buffers).toEqual([]);
  for (const leaf of layout.parameters) {
    const values = leaf.init(leaf.dims, random(leaf.path)), most = values.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    expect(most).toBeLessThanOrEqual(bound * (1 + 1e-6));
    expect(most).toBeGreaterThan(bound * (values.length > 20 ? 0.85 : 0.3));
  }
});

test(`linear computes x W^T + b, and a convolution adds its bias to every place (seed ${seed})`, () => {
  const { net, feeds } = bound((s) => linear(s, x(2, 3), 2));
  const [w, given] = [feeds.parameters!.data as Float32Array, fill(2, 3)];
  const expected = [0, 1].flatMap((n) => [0, 1].map((o) => [0, 1, 2].reduce((acc, i) => acc + Number(given.data[3 * n + i]) * w[3 * o + i]!, w[6 + o]!)));
  numbers(linear(net.scope(true), x(2, 3), 2), { ...feeds, x: given }).forEach((y, i) => { expect(y).toBeCloseTo(expected[i]!, 6); });
  const one = bound((s) => conv(s, x(1, 1, 2, 2), 3, { kernel: 1 }));
  const zeros: Feed = { dims: [1, 1, 2, 2], data: new Float32Array(4) };
  const biases = Array.from(one.feeds.parameters!.data as Float32Array).slice(3);
  expect(numbers(conv(one.net.scope(true), x(1, 1, 2, 2), 3, { kernel: 1 }), { ...one.feeds, x: zeros })).toEqual(biases.flatMap((b) => [b, b, b, b]));
});

test(`embedding picks rows; normalised ones have length 1 and their gradient does not change it (seed ${seed})`, () => {
  const labels = constant([2, 0, 2], 'i64');
  const build = (normalised: boolean) => (s: Scope) => embedding(s, labels, 4, 5, { normalised });
  const { net, feeds } = bound(build(true));
  const table = Array.from(feeds.parameters!.data as Float32Array);
  expect(numbers(build(false)(net.scope(true)), feeds)).toEqual([2, 0, 2].flatMap((row) => table.slice(5 * row, 5 * row + 5)));
  const rows = build(true)(net.scope(true)), made = numbers(rows, feeds);
  for (let n = 0; n < 3; n++) expect(Math.hypot(...made.slice(5 * n, 5 * n + 5))).toBeCloseTo(1, 12);
  const [slope] = grad(sum(mul(rows, constant(Array.from(random('weights').normal(15)), 'f32', [3, 5]))), [net.parameters]);
  const g = numbers(slope!, feeds);
  for (const row of [0, 2]) expect(table.slice(5 * row, 5 * row + 5).reduce((dot, w, i) => dot + w * g[5 * row + i]!, 0)).toBeCloseTo(0, 10);
  expect(g.slice(5, 10)).toEqual([0, 0, 0, 0, 0]);
});

test('maxout takes the largest of the inputs that lie a layer apart', () => {
  const y = maxout(constant([1, 2, 3, 9, 0, 1, -1, -2, 4, 5, 6, -7], 'f32', [2, 6]), 3);
  expect(y.dims).toEqual([2, 2]);
  expect(numbers(y)).toEqual([3, 9, 6, 5]);
});

describe('batch norm', () => {
  const network = (s: Scope) => batchNorm(s, x(4, 2, 3), { momentum: 0.25 });
  const given = fill(4, 2, 3);
  const channel = (data: ArrayLike<number | bigint>, c: number) => [0, 1, 2, 3].flatMap((n) => [0, 1, 2].map((i) => Number(data[6 * n + 3 * c + i])));
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;
  const squares = (values: readonly number[]) => values.reduce((s, v) => s + (v - mean(values)) ** 2, 0);

  test(`training normalises by the batch, with the variance over N (seed ${seed})`, () => {
    const { net, feeds } = bound(network);
    const y = numbers(network(net.scope(true)), { ...feeds, x: given });
    for (const c of [0, 1]) {
      const values = channel(given.data, c), scale = 1 / Math.sqrt(squares(values) / 12 + 1e-5);
      channel(y, c).forEach((v, i) => { expect(v).toBeCloseTo((values[i]! - mean(values)) * scale, 9); });
    }
  });

  test(`running statistics move by the momentum, the variance over N - 1, and take no gradient (seed ${seed})`, () => {
    const { net, feeds } = bound(network);
    network(net.scope(true));
    const moved = numbers(net.buffers!, { ...feeds, x: given });
    for (const c of [0, 1]) {
      const values = channel(given.data, c);
      expect(moved[c]).toBeCloseTo(0.25 * mean(values), 9);
      expect(moved[2 + c]).toBeCloseTo(0.75 + 0.25 * squares(values) / 11, 9);
    }
    const symbol = x(4, 2, 3), again = bound((s) => batchNorm(s, symbol));
    batchNorm(again.net.scope(true), symbol);
    expect(numbers(grad(sum(again.net.buffers!), [symbol])[0]!, { ...again.feeds, x: given }).every((g) => g === 0)).toBe(true);
  });

  test(`evaluation uses the running statistics as they are (seed ${seed})`, () => {
    const { net, feeds } = bound(network);
    const y = numbers(network(net.scope(false)), { parameters: vector([2, 3, 0.5, -1]), buffers: vector([1, -1, 4, 0.25]), x: given });
    const expected = [[1, 4, 2, 0.5], [-1, 0.25, 3, -1]] as const;
    for (const [c, [m, v, weight, bias]] of expected.entries())
      channel(y, c).forEach((got, i) => { expect(got).toBeCloseTo((channel(given.data, c)[i]! - m) / Math.sqrt(v + 1e-5) * weight + bias, 9); });
    expect(numbers(net.buffers!, feeds)).toEqual([0, 0, 1, 1]);
  });
});

test('batch norm of a single value is refused in training, where it would leave no number in the running variance', () => {
  const one = (s: Scope) => batchNorm(s, x(1, 3));
  expect(() => layoutOf(one)).toThrow('batch norm wants at least 2 values of each channel in training; f32[1,3] has 1: one value has no variance');
  expect(layoutOf(one, false).buffers).toHaveLength(2);
  expect(layoutOf((s) => batchNorm(s, x(1, 3, 2, 2))).buffers).toHaveLength(2);
});

describe('conditional batch norm', () => {
  const network = (s: Scope) => conditionalBatchNorm(s, x(4, 2, 3), input('y', { dtype: 'f32', dims: [4, 5] }));
  const given = { x: fill(4, 2, 3), y: fill(4, 5) };
  const affine = (values: ArrayLike<number | bigint>, parameters: ArrayLike<number>, normal: (c: number) => { mean: number; scale: number }) => Array.from(values, (v, i) => {
    const c = Math.floor(i / 3) % 2, n = Math.floor(i / 6), { mean, scale } = normal(c);
    const dot = (at: number) => [0, 1, 2, 3, 4].reduce((total, k) => total + Number(given.y.data[5 * n + k]) * parameters[at + 5 * c + k]!, 0);
    return (Number(v) - mean) * scale * (1 + dot(0)) + dot(10);
  });

  test(`normalises by the batch; gain and bias of each item follow its condition, the gain about 1 (seed ${seed})`, () => {
    const { net, feeds } = bound(network), layout = layoutOf(network);
    expect(layout.parameters.map(({ path, dims }) => [path, dims])).toEqual([['gain.weight', [2, 5]], ['bias.weight', [2, 5]]]);
    expect(layout.buffers.map(({ path }) => path)).toEqual(['running_mean', 'running_var']);
    const values = (c: number) => Array.from(given.x.data, Number).filter((_, i) => Math.floor(i / 3) % 2 === c);
    const mean = (c: number) => values(c).reduce((a, b) => a + b) / 12;
    const got = numbers(network(net.scope(true)), { ...feeds, ...given });
    expectEach(got, affine(given.x.data, feeds.parameters!.data as Float32Array, (c) => ({ mean: mean(c), scale: 1 / Math.sqrt(values(c).reduce((t, v) => t + (v - mean(c)) ** 2, 0) / 12 + 1e-5) })), 9);
    const moved = numbers(net.buffers!, { ...feeds, ...given });
    expect(moved[1]).toBeCloseTo(0.1 * mean(1), 9);
  });

  test(`evaluation uses the running statistics (seed ${seed})`, () => {
    const { net, feeds } = bound(network), buffers = vector([1, -1, 4, 0.25]);
    const got = numbers(network(net.scope(false)), { ...feeds, ...given, buffers });
    expectEach(got, affine(given.x.data, feeds.parameters!.data as Float32Array, (c) => ({ mean: [1, -1][c]!, scale: 1 / Math.sqrt([4, 0.25][c]! + 1e-5) })), 9);
  });
});

test.each<[string, 'up' | 'down', number, readonly number[]]>([
  ['twice the size before a 3x3', 'up', 3, [2, 5, 8, 12]], ['twice the size before a 1x1', 'up', 1, [2, 5, 8, 12]],
  ['half the size after a 3x3', 'down', 3, [2, 5, 2, 3]], ['half the size after a 1x1', 'down', 1, [2, 5, 2, 3]],
])(`a convolution with ${'%s'} is the two layers one after the other (seed ${seed})`, (_, resample, kernel, dims) => {
  const image = x(2, 3, 4, 6), padding = (kernel - 1) / 2;
  const { net, feeds } = bound((s) => conv(s, image, 5, { kernel, padding, resample })), given = { ...feeds, x: fill(2, 3, 4, 6) };
  const y = conv(net.scope(true), image, 5, { kernel, padding, resample });
  expect(y.dims).toEqual(dims);
  const w = transpose(net.scope(true).parameter('weight', [5, kernel, kernel, 3], () => new Float32Array()), [0, 3, 1, 2]);
  const plain = resample === 'up' ? convolution(resizeNearest(image, 2), w, { padding }) : averagePool(convolution(image, w, { padding }), { kernel: 2 });
  const biases = Array.from(feeds.parameters!.data as Float32Array).slice(-5), per = dims[2]! * dims[3]!;
  expectEach(numbers(y, given), numbers(plain, given).map((v, i) => v + biases[Math.floor(i / per) % 5]!), 9);
});
