/** @file The networks of Partition-Guided GANs for 32x32 and 48x48: the published parameter counts, what a label changes, first values, what they refuse, and the published steps where the fixtures are. */
import type { SessionHost } from '../../engine/session/host.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { createWorkerHost } from '../../engine/session/worker-host.js';
import type { Feed } from '../../engine/tensor/evaluate.js';
import { initialise, sizeOf } from '../../engine/tensor/scope.js';
import { whole } from '../../engine/tensor/slices.js';
import { requireFit, type Backbone } from '../../engine/training/backbone.js';
import { sngan32, sngan48 } from '../../plugins/backbones/sngan.js';
import { ganStep } from '../parity/kinds/gan-step.js';
import { pairFor, traced } from './network-pair.js';
import { expectPublished } from './published.js';
import { whenShared } from './rig.js';

const seed = 29, LABELS = { labels: 200, width: 0 }, NONE = { labels: 0, width: 0 };

/** Section 2.7 of the facts. */
test.each<[Backbone, number, number, number]>([
  [sngan32, 32, 4_888_067, 4_256_201], [sngan48, 48, 32_993_539, 19_747_721],
])('$name: as many parameters as published, with 200 parts', (backbone, side, generator, discriminator) => {
  const pair = pairFor(backbone, [3, side, side], LABELS);
  expect({ generator: sizeOf(pair.generator.layout.parameters), discriminator: sizeOf(pair.discriminator.layout.parameters) }).toEqual({ generator, discriminator });
});

const small = { generator: 1, discriminator: 1, latent: 5 };
describe.each<[Backbone, number]>([[sngan32, 32], [sngan48, 48]])('$name', (backbone, side) => {
  test.each(['norms', 'first-layer'])(`a label in %s changes its own image and score, and no feature (seed ${seed})`, (label) => {
    const pair = pairFor(backbone, [3, side, side], { labels: 3, width: 0 }, { ...small, label }), { made, judged, values } = traced(pair, seed);
    expect([made.dims, judged.logit.dims]).toEqual([[2, 3, side, side], [2]]);
    const other: Record<string, Feed> = { label: { dims: [2], data: Float64Array.of(2, 0) } }, half = 3 * side * side;
    const [images, changed] = [values(made), values(made, other)], [scores, rescored] = [values(judged.logit), values(judged.logit, other)];
    expect(images.every((v) => Math.abs(v) < 1) && Math.max(...images) > Math.min(...images)).toBe(true);
    expect(changed.slice(half)).toEqual(images.slice(half));
    expect(changed.slice(0, half)).not.toEqual(images.slice(0, half));
    expect([rescored[1] === scores[1], rescored[0] === scores[0]]).toEqual([true, false]);
    expect(values(judged.feature, other)).toEqual(values(judged.feature));
  });

  test(`without labels there are plain norms and one score (seed ${seed})`, () => {
    const pair = pairFor(backbone, [1, side, side], NONE, small), { made, judged, values } = traced(pair, seed);
    expect([values(made).length, values(judged.logit).length]).toEqual([2 * side * side, 2]);
    const paths = [pair.generator, pair.discriminator].map(({ layout }) => layout.parameters.map((leaf) => leaf.path));
    expect(paths[0]).toContain('block1.norm1.weight');
    expect(paths[1]!.filter((leaf) => /^(score|label)/.test(leaf))).toEqual(['score.weight', 'score.bias']);
  });
});

test('a label beside z has an embedding, and no norm has tables', () => {
  const { parameters } = pairFor(sngan32, [3, 32, 32], LABELS, { ...small, label: 'first-layer', embedding: 7 }).generator.layout;
  const dims = Object.fromEntries(parameters.map(({ path, dims }) => [path, dims]));
  expect([dims['embedding.weight'], dims['seed.weight'], dims['block1.norm1.weight']]).toEqual([[200, 7], [64, 12], [4]]);
});

test(`all weights are N(0, 0.02), the norms' tables too; biases are torch's (seed ${seed})`, () => {
  const { parameters } = pairFor(sngan32, [3, 32, 32], LABELS, { generator: 8, discriminator: 8 }).generator.layout;
  const valuesOf = (leaf: string) => whole(initialise(parameters.filter(({ path }) => path === leaf), (path) => keyedRandom(seed, 'test', 0, path)));
  for (const leaf of ['seed.weight', 'block1.conv1.weight', 'block2.norm1.gain.weight', 'block2.norm1.bias.weight']) {
    const values = valuesOf(leaf);
    expect(Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length) / 0.02).toBeCloseTo(1, 1);
  }
  const bias = valuesOf('block1.conv1.bias').reduce((most, v) => Math.max(most, Math.abs(v)), 0), bound = 1 / Math.sqrt(32 * 9);
  expect(bias <= bound && bias > 0.5 * bound).toBe(true);
});

test.each<[string, Backbone, readonly number[], object, string]>([
  ['another side', sngan32, [3, 48, 48], LABELS, "backbone sngan-32 can't make images [3,48,48]: it wants images of 32x32"],
  ['images that are not square', sngan48, [3, 48, 32], LABELS, 'it wants images of 48x48'],
  ['points', sngan32, [2], LABELS, 'it wants images of 32x32'],
  ['vectors', sngan32, [3, 32, 32], { labels: 0, width: 5 }, 'backbone sngan-32 carries no condition, labels; here it gets vectors'],
])('refuses %s', (_, backbone, image, condition, says) => {
  expect(() => requireFit(backbone, backbone.config.parse({ type: backbone.name }), image, condition as typeof LABELS, 'nodes.train.config.backbone')).toThrow(says);
});

describe('on ONNX Runtime', () => {
  let host: SessionHost;
  beforeAll(async () => { host = await createWorkerHost({ threads: 1 }); });
  afterAll(() => host.close());

  // The last is BigGAN with labels and a linear head (table 8).
  for (const name of ['pg_biggan32', 'pg_biggan48', 'pg_biggan_shared_attn']) {
    whenShared(`${name}: a step of the published training is ours`, () => expectPublished(ganStep, 'self-cond-and-pgmgan', name, host, 13));
  }
});
