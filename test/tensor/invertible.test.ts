/** @file Squeezing, ActNorm and its first batch, and soft spectral norm of matrices and of convolutions on whole images. */
import { evaluate } from '../../engine/tensor/evaluate.js';
import { grad } from '../../engine/tensor/grad.js';
import { normal } from '../../engine/tensor/init.js';
import { actNorm, squeeze } from '../../engine/tensor/invertible.js';
import { conv, linear } from '../../engine/tensor/layers.js';
import { constant, convolution, input, iota, mul, reshape, square, sum, transpose } from '../../engine/tensor/ops/index.js';
import { layoutOf, type Scope } from '../../engine/tensor/scope.js';
import { softSpectralNorm } from '../../engine/tensor/spectral.js';
import { boundBy, expectEach, feedsBy, gradientError } from './bound.js';

const seed = 7;
const { random, fill, numbers, vector } = feedsBy(seed), bound = boundBy(seed);
const range = (count: number) => Array.from({ length: count }, (_, i) => i);
const x = (...dims: number[]) => input('x', { dtype: 'f32', dims });

describe('squeezing', () => {
  test('lays the pixels of a square one after the other, all channels of each together', () => {
    const y = squeeze(reshape(iota(48, 'f32'), [1, 3, 4, 4]));
    expect(y.dims).toEqual([1, 12, 2, 2]);
    const at = (channel: number, row: number, column: number) => 16 * channel + 4 * row + column;
    expect(numbers(y)).toEqual(range(12).flatMap((channel) => range(4).map((place) => {
      const pixel = Math.floor(channel / 3);
      return at(channel % 3, 2 * (place >> 1) + (pixel >> 1), 2 * (place % 2) + (pixel % 2));
    })));
  });

  test(`its gradient undoes it (seed ${seed})`, () => {
    const image = x(2, 3, 4, 6), given = fill(2, 3, 4, 6);
    expect(numbers(grad(sum(square(squeeze(image))), [image])[0]!, { x: given })).toEqual(Array.from(given.data, (v) => 2 * Number(v)));
  });

  test('takes batches of any size, and refuses odd sides', () => {
    expect(squeeze(input('x', { dtype: 'f32', dims: ['N', 3, 4, 4] })).dims).toEqual(['N', 12, 2, 2]);
    expect(() => squeeze(x(1, 3, 5, 4))).toThrow('squeezing wants an even height and width; f32[1,3,5,4] has 5 and 4');
  });
});

describe('ActNorm', () => {
  const image = x(4, 2, 3), network = (s: Scope) => actNorm(s, image), given = fill(4, 2, 3);
  const channel = (data: ArrayLike<number | bigint>, c: number) => range(4).flatMap((n) => range(3).map((i) => Number(data[6 * n + 3 * c + i])));
  const moments = (values: readonly number[]) => {
    const mean = values.reduce((a, b) => a + b) / values.length;
    return { mean, variance: values.reduce((total, v) => total + (v - mean) ** 2, 0) / values.length };
  };

  test(`sets itself by the first batch in training, whose channels leave with mean 0 and variance 1 (seed ${seed})`, () => {
    const { net, feeds } = bound(network), y = numbers(network(net.scope(true)), { ...feeds, x: given });
    for (const c of [0, 1]) {
      const before = moments(channel(given.data, c)), after = moments(channel(y, c));
      expect(after.mean).toBeCloseTo(0, 9);
      expect(after.variance).toBeCloseTo(before.variance / (before.variance + 1e-5), 9);
    }
  });

  test(`what the first batch set stays, in training, in evaluation, and from a saved state (seed ${seed})`, () => {
    const { net, feeds } = bound(network), first = { ...feeds, x: given };
    network(net.scope(true));
    const saved = vector(numbers(net.buffers!, first)), other = { dims: given.dims, data: Array.from(given.data, (v) => 5 * Number(v) + 2) };
    expect(layoutOf(network).buffers.map(({ path }) => path)).toEqual(['initialised', 'offset_log_scale', 'offset_shift']);
    expect(saved.data[0]).toBe(1);
    const { net: loaded } = bound(network), y = numbers(network(loaded.scope(true)), { ...feeds, buffers: saved, x: other });
    expectEach(y, numbers(network(loaded.scope(false)), { ...feeds, buffers: saved, x: other }), 12);
    expectEach(numbers(loaded.buffers!, { ...feeds, buffers: saved, x: other }), Array.from(saved.data, Number), 12);
    for (const c of [0, 1]) {
      const { mean, variance } = moments(channel(given.data, c)), scale = 1 / Math.sqrt(variance + 1e-5);
      channel(y, c).forEach((v, i) => { expect(v).toBeCloseTo((channel(other.data, c)[i]! - mean) * scale, 9); });
    }
  });

  test(`a second use in one pass is no first batch (seed ${seed})`, () => {
    const second = x(4, 2, 3), { net, feeds } = bound(network);
    network(net.scope(true));
    const y = actNorm(net.scope(true), mul(second, 3)), fresh = numbers(network(bound(network).net.scope(true)), { ...feeds, x: given });
    const { net: after } = bound(network), offsets = numbers(net.buffers!, { ...feeds, x: given });
    expectEach(numbers(y, { ...feeds, x: given }), numbers(actNorm(after.scope(false), mul(second, 3)), { ...feeds, buffers: vector(offsets), x: given }), 12);
    expect(numbers(y, { ...feeds, x: given })).not.toEqual(fresh);
  });

  test(`before any batch, evaluation changes nothing (seed ${seed})`, () => {
    const { net, feeds } = bound(network);
    expect(numbers(network(net.scope(false)), { ...feeds, x: given })).toEqual(Array.from(given.data, Number));
  });

  test(`gradients by what is learnt and by the input take what the batch set as constant (seed ${seed})`, () => {
    const { net, feeds } = bound(network);
    const state = { parameters: vector([0.3, -0.2, 0.5, 0.1]), buffers: vector([1, -0.4, 0.2, 0.7, -0.3]), x: given };
    const cotangent = constant(Array.from(random('cotangent').normal(24)), 'f32', [4, 2, 3]), value = sum(mul(network(net.scope(true)), cotangent));
    for (const [t, name] of [[net.parameters, 'parameters'], [image, 'x']] as const) expect(gradientError(value, grad(value, [t])[0]!, name, state)).toBeLessThan(1e-7);
    const first = { ...feeds, x: given }, { mean, variance } = moments(channel(given.data, 0));
    const [slope] = grad(value, [net.parameters]), weights = evaluate([cotangent])[0]!.data;
    expect(numbers(slope!, first)[0]).toBeCloseTo(channel(given.data, 0).reduce((total, v, i) => total + v / Math.sqrt(variance + 1e-5) * channel(weights, 0)[i]!, 0), 6);
    expect(mean).not.toBe(0);
  });
});

describe('soft spectral norm', () => {
  const image = [3, 2] as const, SIZES = [3, 3, 3, 2] as const;
  const matrix = (coefficient: number, iterations = 5) => (s: Scope) => softSpectralNorm(s, s.parameter('weight', [4, 3], normal()), { coefficient, iterations });
  const kernel = (coefficient: number, iterations = 5) => (s: Scope) => softSpectralNorm(s, s.parameter('weight', SIZES, normal()), { coefficient, iterations, image });
  type Map = (v: readonly number[]) => readonly number[];
  /** The largest singular value of a linear map given with its adjoint. */
  const largest = (apply: Map, adjoint: Map, results: number) => {
    let u: readonly number[] = range(results).map((i) => 1 + Math.sin(i)), size = 0;
    for (let k = 0; k < 500; k++) {
      const next = apply(adjoint(u));
      size = Math.hypot(...next);
      u = next.map((v) => v / size);
    }
    return Math.sqrt(size);
  };
  const ofMatrix = (w: readonly number[]) => largest(
    (v) => range(4).map((i) => range(3).reduce((t, j) => t + w[3 * i + j]! * v[j]!, 0)), (u) => range(3).map((j) => range(4).reduce((t, i) => t + w[3 * i + j]! * u[i]!, 0)), 4);
  /** That of a 3x3 kernel stored channels last, with zeros around the image. */
  const ofKernel = (w: readonly number[]) => {
    const [out, , , channels] = SIZES, [height, width] = image, places = height * width;
    const meet = (visit: (result: number, source: number, weight: number) => void) => {
      for (const o of range(out)) for (const c of range(channels)) for (const p of range(places)) for (const k of range(9)) {
        const row = Math.floor(p / width) + Math.floor(k / 3) - 1, column = (p % width) + (k % 3) - 1;
        if (row >= 0 && row < height && column >= 0 && column < width) visit(o * places + p, c * places + row * width + column, w[(9 * o + k) * channels + c]!);
      }
    };
    const into = (size: number, add: (to: number[]) => void) => { const to = Array<number>(size).fill(0); add(to); return to; };
    return largest(
      (v) => into(out * places, (to) => meet((r, s, weight) => { to[r]! += weight * v[s]!; })),
      (u) => into(channels * places, (to) => meet((r, s, weight) => { to[s]! += weight * u[r]!; })), out * places);
  };
  const weightOf = (data: ArrayLike<number | bigint>) => Array.from(data, Number);

  test.each([['a matrix', matrix, ofMatrix, 0], ['a convolution on whole images', kernel, ofKernel, 1e-5]] as const)(
    `%s has the norm that it may have after many steps, and is left alone where it is below (seed ${seed})`, (_, network, norm, slack) => {
      const { net, feeds } = bound(network(0.9, 160)), w = weightOf(feeds.parameters!.data), sigma = norm(w);
      expect(sigma).toBeGreaterThan(1.5);
      expectEach(numbers(network(0.9, 160)(net.scope(true)), feeds), w.map((v) => v / (sigma / 0.9 + slack)), 6);
      expect(numbers(net.buffers!, feeds).at(-1)).toBeCloseTo(sigma, 6);
      const loose = bound(network(sigma * 2, 160));
      expectEach(numbers(network(sigma * 2, 160)(loose.net.scope(true)), feeds), w.map((v) => v / (1 + slack)), 9);
    });

  test.each([['a matrix', matrix], ['a convolution', kernel]] as const)(`%s: steps add up over passes, evaluation moves nothing and takes u and v as they are (seed ${seed})`, (_, network) => {
    const once = network(0.9, 2), twice = network(0.9, 4), { net, feeds } = bound(once), before = net.buffers;
    once(net.scope(false));
    expect(net.buffers).toBe(before);
    once(net.scope(true));
    const y = numbers(once(net.scope(true)), feeds), { net: other } = bound(twice);
    expectEach(y, numbers(twice(other.scope(true)), feeds), 9);
    expectEach(numbers(net.buffers!, feeds), numbers(other.buffers!, feeds), 9);
    expectEach(numbers(once(net.scope(false)), feeds), y, 12);
  });

  test.each([['a matrix', matrix, [4, 3]], ['a convolution', kernel, SIZES]] as const)(`%s: the gradient flows through u . W v with u and v as constants (seed ${seed})`, (_, network, dims) => {
    const build = network(0.9, 3), { net, feeds } = bound(build), size = dims.reduce((n, d) => n * d, 1);
    const weighed = (training: boolean) => sum(mul(build(net.scope(training)), constant(Array.from(random('cotangent').normal(size)), 'f32', dims)));
    const trained = weighed(true), inTraining = numbers(grad(trained, [net.parameters])[0]!, feeds), moved = { ...feeds, buffers: vector(numbers(net.buffers!, feeds)) };
    const { net: still } = bound(build), value = sum(mul(build(still.scope(false)), constant(Array.from(random('cotangent').normal(size)), 'f32', dims)));
    const slope = grad(value, [still.parameters])[0]!;
    expect(gradientError(value, slope, 'parameters', moved)).toBeLessThan(1e-7);
    expectEach(inTraining, numbers(slope, moved), 9);
  });

  test(`layers take it as their weight (seed ${seed})`, () => {
    const soft = (s: Scope, stored: Parameters<typeof softSpectralNorm>[1]) => softSpectralNorm(s, stored, { coefficient: 0.5, image });
    const build = (s: Scope) => conv(s, x(1, 2, ...image), 3, { kernel: 3, padding: 1, bias: false, weight: soft }), { net, feeds } = bound(build), given = fill(1, 2, ...image);
    const y = numbers(build(net.scope(true)), { ...feeds, x: given });
    const w = softSpectralNorm(bound(build).net.scope(true), net.leaf('weight'), { coefficient: 0.5, image });
    expectEach(y, numbers(convolution(x(1, 2, ...image), transpose(w, [0, 3, 1, 2]), { padding: 1 }), { ...feeds, x: given }), 9);
    expect(layoutOf((s) => conv(s, x(1, 2, 4, 4), 3, { kernel: 1, weight: soft })).buffers.map(({ path, dims }) => [path, dims])).toEqual([['u', [1, 3]], ['v', [1, 2]], ['sigma', [1]]]);
    expect(layoutOf((s) => linear(s, x(5, 2), 3, { weight: soft })).buffers.map(({ dims }) => dims)).toEqual([[1, 3], [1, 2], [1]]);
    expect(() => layoutOf((s) => conv(s, x(1, 2, 4, 4), 3, { kernel: 3, weight: (at, stored) => softSpectralNorm(at, stored, { coefficient: 1 }) }))).toThrow('the size of its images');
  });
});
