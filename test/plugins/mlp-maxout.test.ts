/** @file The networks of the 2-D benchmarks: what a discriminator sees of points as plane waves. */
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { initialise, sizeOf } from '../../engine/tensor/scope.js';
import { whole } from '../../engine/tensor/slices.js';
import { mlpMaxout } from '../../plugins/backbones/mlp-maxout.js';
import { pairFor, traced } from './network-pair.js';

const seed = 41, LABELS = { labels: 3, width: 0 }, small = { generator: 8, discriminator: 6, embedding: 4 };
const waves = { count: 200, shortest: 0.5, longest: 40 };

test('plane waves are of the wavelengths that are asked for, and nothing that is trained', () => {
  const { discriminator: { layout }, generator } = pairFor(mlpMaxout, [2], LABELS, { ...small, fourier: waves }), plain = pairFor(mlpMaxout, [2], LABELS, small);
  expect(layout.buffers.map(({ path, dims }) => [path, dims])).toEqual([['waves.vectors', [200, 2]]]);
  expect(sizeOf(generator.layout.parameters)).toBe(sizeOf(plain.generator.layout.parameters));
  expect(sizeOf(layout.parameters) - sizeOf(plain.discriminator.layout.parameters)).toBe((2 * waves.count - 2) * small.discriminator * 5);
  const vectors = whole(initialise(layout.buffers, (path) => keyedRandom(seed, 'test', 0, path)));
  const lengths = Array.from({ length: waves.count }, (_, i) => (2 * Math.PI) / Math.hypot(vectors[2 * i]!, vectors[2 * i + 1]!)).sort((a, b) => a - b);
  expect(lengths[0]).toBeGreaterThan(0.499);
  expect(lengths.at(-1)).toBeLessThan(40.01);
  // Logarithms are uniform: half the waves are shorter than the geometric mean, within three standard errors.
  expect(Math.abs(lengths.filter((length) => length < Math.sqrt(0.5 * 40)).length - 100)).toBeLessThan(22);
});

test(`points a wavelength apart look alike to a discriminator of one wave, others do not (seed ${seed})`, () => {
  const pair = pairFor(mlpMaxout, [2], LABELS, { ...small, fourier: { count: 1, shortest: 2, longest: 2 } }), { judged, values, feeds } = traced(pair, seed);
  const [x, y] = Array.from(feeds['discriminator/buffers']!.data, Number) as [number, number], norm = Math.hypot(x, y);
  const scores = (apart: number) => values(judged.feature, { image: { dims: [2, 2], data: Float64Array.of(0.3, -0.2, 0.3 + (apart * x) / norm, -0.2 + (apart * y) / norm) } });
  const [here, there] = [scores(2).slice(0, 6), scores(2).slice(6)];
  here.forEach((v, i) => { expect(there[i]).toBeCloseTo(v, 5); });
  expect(Math.abs(scores(1)[6]! - here[0]!)).toBeGreaterThan(1e-3);
});
