/** @file Networks bound to symbols with keyed first values, for tests that look at layers in the float64 interpreter. */
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { evaluate, type Feed } from '../../engine/tensor/evaluate.js';
import { input } from '../../engine/tensor/ops/index.js';
import { bind, initialise, layoutOf, sizeOf, type BoundNetwork, type Scope } from '../../engine/tensor/scope.js';
import { whole } from '../../engine/tensor/slices.js';
import type { Tensor } from '../../engine/tensor/tensor.js';

type Feeds = Readonly<Record<string, Feed>>;

/** Streams and values under a seed. */
export function feedsBy(seed: number) {
  const random = (name: string) => keyedRandom(seed, 'test', 0, name);
  return {
    random,
    fill: (...dims: number[]): Feed => ({ dims, data: random(`x ${dims}`).normal(dims.reduce((a, b) => a * b)) }),
    vector: (data: ArrayLike<number>): Feed => ({ dims: [data.length], data }),
    numbers: (t: Tensor, feeds: Feeds = {}): number[] => Array.from(evaluate([t], feeds)[0]!.data),
  };
}

/** Binds a network to symbols `parameters` and `buffers`, with its first values. */
export const boundBy = (seed: number) => (network: (s: Scope) => unknown): { readonly net: BoundNetwork; readonly feeds: Record<string, Feed> } => {
  const { random, vector } = feedsBy(seed), layout = layoutOf(network);
  const symbol = (kind: 'parameters' | 'buffers') => input(kind, { dtype: 'f32', dims: [sizeOf(layout[kind])] });
  const feeds: Record<string, Feed> = { parameters: vector(whole(initialise(layout.parameters, random))), buffers: vector(whole(initialise(layout.buffers, random))) };
  return { net: bind('net', layout, symbol('parameters'), layout.buffers.length ? symbol('buffers') : undefined), feeds };
};

export function expectEach(got: readonly number[], expected: readonly number[], digits: number): void {
  expect(got).toHaveLength(expected.length);
  got.forEach((v, i) => { expect(v).toBeCloseTo(expected[i]!, digits); });
}

/** The largest difference between a gradient and central differences of its value by one feed, relative to the gradient's size. */
export function gradientError(value: Tensor, gradient: Tensor, by: string, feeds: Feeds): number {
  const { dims, data } = feeds[by]!, got = evaluate([gradient], feeds)[0]!.data, at = Float64Array.from(data, Number);
  let error = 0, size = 0;
  for (let i = 0; i < at.length; i++) {
    const h = 1e-5, [up, down] = [h, -h].map((step) => evaluate([value], { ...feeds, [by]: { dims, data: at.map((v, j) => (i === j ? v + step : v)) } })[0]!.data[0]!);
    const expected = (up! - down!) / (2 * h);
    error = Math.max(error, Math.abs(got[i]! - expected));
    size = Math.max(size, Math.abs(expected));
  }
  return error / size;
}
