/** @file The networks of the 2-D benchmarks: what a discriminator sees of points as plane waves. */
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { initialise, placesOf, sizeOf } from '../../engine/tensor/scope.js';
import { whole } from '../../engine/tensor/slices.js';
import { mlpMaxout } from '../../plugins/backbones/mlp-maxout.js';
import { pairFor, traced } from './network-pair.js';

const seed = 41, LABELS = { labels: 3, width: 0 }, small = { generator: 8, discriminator: 6, embedding: 4 };
const waves = { count: 200, shortest: 0.5, longest: 40 };

test('plane waves are of the wavelengths that are asked for, and nothing that is trained', () => {
  const { discriminator: { layout }, generator } = pairFor(mlpMaxout, [2], LABELS, { ...small, fourier: waves }), plain = pairFor(mlpMaxout, [2], LABELS, small);
  expect(layout.buffers.map(({ path, dims }) => [path, dims])).toEqual([['waves.vectors', [200, 2]]]);
  expect(sizeOf(generator.layout.parameters)).toBe(sizeOf(plain.generator.layout.parameters));
  expect(sizeOf(layout.parameters) - sizeOf(plain.discriminator.layout.parameters)).toBe(2 * waves.count * small.discriminator * 5);
  const vectors = whole(initialise(layout.buffers, (path) => keyedRandom(seed, 'test', 0, path)));
  const lengths = Array.from({ length: waves.count }, (_, i) => (2 * Math.PI) / Math.hypot(vectors[2 * i]!, vectors[2 * i + 1]!)).sort((a, b) => a - b);
  expect(lengths[0]).toBeGreaterThan(0.499);
  expect(lengths.at(-1)).toBeLessThan(40.01);
  // Logarithms are uniform: half the waves are shorter than the geometric mean, within three standard errors.
  expect(Math.abs(lengths.filter((length) => length < Math.sqrt(0.5 * 40)).length - 100)).toBeLessThan(22);
});

test(`points a wavelength apart look alike to one wave, others do not, and all differ by where they are (seed ${seed})`, () => {
  const pair = pairFor(mlpMaxout, [2], LABELS, { ...small, fourier: { count: 1, shortest: 2, longest: 2 } }), { judged, values, feeds } = traced(pair, seed);
  const [x, y] = Array.from(feeds['discriminator/buffers']!.data, Number) as [number, number], norm = Math.hypot(x, y);
  // The first layer's weights for the two coordinates, before those for a sine and a cosine.
  const { parameters } = pair.discriminator.layout, first = [...placesOf(parameters)].find(({ leaf }) => leaf.path === 'layer1.linear.weight')!, { data, dims } = feeds['discriminator/parameters']!;
  const blind = { 'discriminator/parameters': { dims, data: Float64Array.from(data as ArrayLike<number>, (w, i) => (i >= first.from && i < first.from + sizeOf([first.leaf]) && (i - first.from) % 4 < 2 ? 0 : w)) } };
  const scores = (apart: number, more = {}) => values(judged.feature, { ...more, image: { dims: [2, 2], data: Float64Array.of(0.3, -0.2, 0.3 + (apart * x) / norm, -0.2 + (apart * y) / norm) } });
  const [here, there] = [scores(2, blind).slice(0, 6), scores(2, blind).slice(6)];
  here.forEach((v, i) => { expect(there[i]).toBeCloseTo(v, 5); });
  expect(Math.abs(scores(1, blind)[6]! - here[0]!)).toBeGreaterThan(1e-3);
  expect(Math.abs(scores(2)[6]! - scores(2)[0]!)).toBeGreaterThan(1e-3);
});
