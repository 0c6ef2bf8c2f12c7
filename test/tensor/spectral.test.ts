/** @file Spectral norm's power iteration in every layer that takes it, and self-attention. */
import { selfAttention } from '../../engine/tensor/attention.js';
import { grad } from '../../engine/tensor/grad.js';
import { filled, normal } from '../../engine/tensor/init.js';
import { conv, embedding, linear, type WeightOptions } from '../../engine/tensor/layers.js';
import { constant, input, mul, sum } from '../../engine/tensor/ops/index.js';
import { layoutOf, type Scope } from '../../engine/tensor/scope.js';
import { spectralNorm } from '../../engine/tensor/spectral.js';
import type { Tensor } from '../../engine/tensor/tensor.js';
import { boundBy, expectEach, feedsBy } from './bound.js';

const seed = 6;
const { random, fill, numbers, vector } = feedsBy(seed), bound = boundBy(seed);
const range = (count: number) => Array.from({ length: count }, (_, i) => i);

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
    const [u, sigma] = [numbers(net.buffers!, feeds).slice(0, 4), numbers(net.buffers!, feeds)[4]!];
    expect(Math.hypot(...u)).toBeCloseTo(1, 9);
    expect(sigma).toBeCloseTo(largest(Array.from(feeds.parameters!.data as Float32Array), 4), 6);
  });

  test(`the gradient takes u and v as constants: that of w / (u^T W v) (seed ${seed})`, () => {
    const { net, feeds } = bound(weighted(1));
    const weights = Array.from(random('weights').normal(24)), y = weighted(1)(net.scope(true));
    const slope = numbers(grad(sum(mul(y, constant(weights, 'f32', [4, 3, 2]))), [net.parameters])[0]!, feeds);
    const w = Array.from(feeds.parameters!.data as Float32Array), u0 = Array.from(feeds.buffers!.data as Float32Array).slice(0, 4);
    const unit = (vector: readonly number[]) => vector.map((e) => e / Math.max(Math.hypot(...vector), 1e-12));
    const v = unit(Array.from({ length: 6 }, (_, j) => u0.reduce((acc, ui, i) => acc + ui * w[6 * i + j]!, 0)));
    const u = unit(Array.from({ length: 4 }, (_, i) => v.reduce((acc, vj, j) => acc + vj * w[6 * i + j]!, 0)));
    const sigma = w.reduce((acc, wij, p) => acc + u[Math.floor(p / 6)]! * wij * v[p % 6]!, 0);
    const along = w.reduce((acc, wij, p) => acc + weights[p]! * wij, 0);
    slope.forEach((g, p) => { expect(g).toBeCloseTo(weights[p]! / sigma - along / sigma ** 2 * u[Math.floor(p / 6)]! * v[p % 6]!, 6); });
  });

  test(`vectors shorter than epsilon are divided by epsilon, not by their length (seed ${seed})`, () => {
    const network = (s: Scope) => spectralNorm(s, s.parameter('weight', [4, 3, 2], filled(1e-9)), { epsilon: 1e-6 });
    const { net, feeds } = bound(network), y = numbers(network(net.scope(true)), feeds);
    const u0 = Array.from(feeds.buffers!.data as Float32Array).slice(0, 4), sum = u0.reduce((a, b) => a + b), w = Math.fround(1e-9);
    // v = 1e-9 sum(u) / 1e-6 in each of 6 places, u' = 6 v 1e-9 / 1e-6, sigma = 4 (6 v 1e-9) u'.
    const v = (w * sum) / 1e-6, sigma = 4 * 6 * v * w * ((6 * v * w) / 1e-6);
    y.forEach((value) => { expect(value / (w / sigma)).toBeCloseTo(1, 6); });
  });

  test.each<[string, (options: WeightOptions) => (s: Scope) => Tensor, readonly number[]]>([
    ['a product', (options) => (s) => linear(s, input('x', { dtype: 'f32', dims: [3, 5] }), 4, { bias: false, ...options }), [3, 5]],
    ['a convolution', (options) => (s) => conv(s, input('x', { dtype: 'f32', dims: [2, 3, 4, 4] }), 5, { kernel: 3, bias: false, ...options }), [2, 3, 4, 4]],
    ['a table', (options) => (s) => embedding(s, constant([1, 1, 0], 'i64'), 6, 4, options), []],
  ])(`%s under spectral norm is the plain one divided by sigma, and moves its vector once a use (seed ${seed})`, (_, build, dims) => {
    const network = build({ weight: spectralNorm }), { net, feeds } = bound(network), given = { ...feeds, ...(dims.length ? { x: fill(...dims) } : {}) };
    const y = numbers(network(net.scope(true)), given), once = numbers(net.buffers!, feeds), sigma = once.at(-1)!;
    expectEach(y, numbers(build({})(net.scope(true)), given).map((v) => v / sigma), 9);
    expect(sigma).toBeLessThanOrEqual(largest(Array.from(feeds.parameters!.data as Float32Array), layoutOf(network).parameters[0]!.dims[0]!) * (1 + 1e-9));
    network(net.scope(true));
    const twice = net.buffers!;
    expect(numbers(twice, feeds)).not.toEqual(once);
    network(net.scope(false));
    expect(net.buffers).toBe(twice);
  });
});

describe('self-attention', () => {
  const image = input('x', { dtype: 'f32', dims: [2, 16, 4, 6] }), given = fill(2, 16, 4, 6);
  const network = (s: Scope) => selfAttention(s, image);

  test(`is the image itself at first: gamma is 0 (seed ${seed})`, () => {
    const { net, feeds } = bound(network);
    expect(layoutOf(network).parameters.map(({ path, dims }) => [path, dims])).toEqual([
      ['theta.weight', [2, 1, 1, 16]], ['phi.weight', [2, 1, 1, 16]], ['g.weight', [8, 1, 1, 16]], ['o.weight', [16, 1, 1, 8]], ['gamma', []],
    ]);
    expect(numbers(network(net.scope(true)), { ...feeds, x: given })).toEqual(Array.from(given.data, Number));
  });

  test(`every place looks at the largest of each 2x2 places by the softmax of theta^T phi (seed ${seed})`, () => {
    const { net, feeds } = bound(network), parameters = Array.from(feeds.parameters!.data as Float32Array);
    parameters[parameters.length - 1] = 0.7;
    const got = numbers(network(net.scope(true)), { parameters: vector(parameters), x: given });
    const at = (n: number, c: number, p: number) => Number(given.data[(n * 16 + c) * 24 + p]);
    const project = (from: number, rows: number, n: number) => Array.from({ length: rows }, (_, r) => Array.from({ length: 24 }, (_, p) => range(16).reduce((t, c) => t + parameters[from + 16 * r + c]! * at(n, c, p), 0)));
    const largest = (rows: readonly number[][]) => rows.map((row) => range(6).map((q) => { const corner = 12 * Math.floor(q / 3) + 2 * (q % 3); return Math.max(row[corner]!, row[corner + 1]!, row[corner + 6]!, row[corner + 7]!); }));
    const expected = range(2).flatMap((n) => {
      const theta = project(0, 2, n), phi = largest(project(32, 2, n)), g = largest(project(64, 8, n));
      const seen = range(24).map((p) => {
        const scores = range(6).map((q) => Math.exp(theta[0]![p]! * phi[0]![q]! + theta[1]![p]! * phi[1]![q]!)), total = scores.reduce((a, b) => a + b);
        return range(8).map((r) => range(6).reduce((t, q) => t + g[r]![q]! * scores[q]! / total, 0));
      });
      return range(16).flatMap((c) => range(24).map((p) => at(n, c, p) + 0.7 * range(8).reduce((t, r) => t + parameters[192 + 8 * c + r]! * seen[p]![r]!, 0)));
    });
    expectEach(got, expected, 6);
  });

  test('wants 8 channels', () => {
    expect(() => layoutOf((s) => selfAttention(s, input('x', { dtype: 'f32', dims: [2, 7, 4, 4] })))).toThrow('attention looks by an eighth of the channels; f32[2,7,4,4] has 7');
  });
});
