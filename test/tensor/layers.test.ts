/** @file Layers: shapes, leaves and their first values, statistics that move as torch moves them, spectral norm's power iteration. */
import { evaluate, type Feed } from '../../engine/tensor/evaluate.js';
import { grad } from '../../engine/tensor/grad.js';
import { normal } from '../../engine/tensor/init.js';
import { batchNorm, conv, embedding, linear, maxout, spectralNorm, transposedConv } from '../../engine/tensor/layers.js';
import { constant, input, mul, sum } from '../../engine/tensor/ops/index.js';
import { bind, initialise, layoutOf, sizeOf, type Scope } from '../../engine/tensor/scope.js';
import type { Tensor } from '../../engine/tensor/tensor.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';

const seed = 5;
const random = (name: string) => keyedRandom(seed, 'test', 0, name);
const x = (...dims: number[]) => input('x', { dtype: 'f32', dims });
const fill = (...dims: number[]): Feed => ({ dims, data: random(`x ${dims}`).normal(dims.reduce((a, b) => a * b)) });
const numbers = (t: Tensor, feeds: Readonly<Record<string, Feed>> = {}) => Array.from(evaluate([t], feeds)[0]!.data);
const vector = (data: ArrayLike<number>): Feed => ({ dims: [data.length], data });

/** Binds a network to symbols `parameters` and `buffers`, with its first values. */
function bound(network: (s: Scope) => unknown) {
  const layout = layoutOf(network);
  const symbol = (name: string, kind: 'parameters' | 'buffers') => input(name, { dtype: 'f32', dims: [sizeOf(layout[kind])] });
  const feeds: Record<string, Feed> = { parameters: vector(initialise(layout.parameters, random)), buffers: vector(initialise(layout.buffers, random)) };
  return { net: bind('net', layout, symbol('parameters', 'parameters'), layout.buffers.length ? symbol('buffers', 'buffers') : undefined), feeds };
}

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
    const values = initialise([leaf], random), most = values.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
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

describe('spectral norm', () => {
  const weighted = (iterations: number) => (s: Scope) => spectralNorm(s, s.parameter('weight', [4, 3, 2], normal()), { iterations });
  /** The largest singular value of a matrix [rows, columns], by power iteration on W W^T. */
  const largest = (w: readonly number[], rows: number) => {
    const columns = w.length / rows;
    let u = Array.from({ length: rows }, (_, i) => 1 + i), size = 0;
    for (let k = 0; k < 500; k++) {
      const v = Array.from({ length: columns }, (_, j) => u.reduce((acc, ui, i) => acc + ui * w[i * columns + j]!, 0));
      u = Array.from({ length: rows }, (_, i) => v.reduce((acc, vj, j) => acc + vj * w[i * columns + j]!, 0));
      size = Math.hypot(...u);
      u = u.map((ui) => ui / size);
    }
    return Math.sqrt(size);
  };

  test(`after many iterations the largest singular value is 1 (seed ${seed})`, () => {
    const { net, feeds } = bound(weighted(60));
    expect(largest(Array.from(feeds.parameters!.data as Float32Array), 4)).not.toBeCloseTo(1, 1);
    expect(largest(numbers(weighted(60)(net.scope(true)), feeds), 4)).toBeCloseTo(1, 6);
  });

  test(`one iteration a pass adds up over passes; the vector stays in evaluation (seed ${seed})`, () => {
    const { net, feeds } = bound(weighted(1));
    const original = net.buffers;
    weighted(1)(net.scope(false));
    expect(net.buffers).toBe(original);
    let y = weighted(1)(net.scope(true));
    for (let pass = 1; pass < 60; pass++) y = weighted(1)(net.scope(true));
    expect(largest(numbers(y, feeds), 4)).toBeCloseTo(1, 6);
    expect(Math.hypot(...numbers(net.buffers!, feeds))).toBeCloseTo(1, 9);
  });

  test(`the gradient takes u and v as constants: that of w / (u^T W v) (seed ${seed})`, () => {
    const { net, feeds } = bound(weighted(1));
    const weights = Array.from(random('weights').normal(24)), y = weighted(1)(net.scope(true));
    const slope = numbers(grad(sum(mul(y, constant(weights, 'f32', [4, 3, 2]))), [net.parameters])[0]!, feeds);
    const w = Array.from(feeds.parameters!.data as Float32Array), u0 = Array.from(feeds.buffers!.data as Float32Array);
    const unit = (vector: readonly number[]) => vector.map((e) => e / (Math.hypot(...vector) + 1e-12));
    const v = unit(Array.from({ length: 6 }, (_, j) => u0.reduce((acc, ui, i) => acc + ui * w[6 * i + j]!, 0)));
    const u = unit(Array.from({ length: 4 }, (_, i) => v.reduce((acc, vj, j) => acc + vj * w[6 * i + j]!, 0)));
    const sigma = w.reduce((acc, wij, p) => acc + u[Math.floor(p / 6)]! * wij * v[p % 6]!, 0);
    const along = w.reduce((acc, wij, p) => acc + weights[p]! * wij, 0);
    slope.forEach((g, p) => { expect(g).toBeCloseTo(weights[p]! / sigma - along / sigma ** 2 * u[Math.floor(p / 6)]! * v[p % 6]!, 6); });
  });
});
