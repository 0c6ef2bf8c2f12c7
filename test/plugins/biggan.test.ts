/** @file BigGAN: the published parameter counts, where attention goes, every kind of condition, what it refuses, and the published iterations where the fixtures are. */
import path from 'node:path';
import type { SessionHost } from '../../engine/session/host.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { createWorkerHost } from '../../engine/session/worker-host.js';
import type { Feed } from '../../engine/tensor/evaluate.js';
import { initialise, sizeOf, type Layout } from '../../engine/tensor/scope.js';
import { whole } from '../../engine/tensor/slices.js';
import { requireFit, type Conditions } from '../../engine/training/backbone.js';
import { generatorProgram, type NetworkPair } from '../../engine/training/networks.js';
import { biggan } from '../../plugins/backbones/biggan.js';
import { readFixture } from '../parity/fixture.js';
import { bigganStep } from '../parity/kinds/biggan-step.js';
import { pairFor, traced } from './network-pair.js';
import { shared, whenShared } from './rig.js';

const seed = 17;
const random = (name: string) => keyedRandom(seed, 'test', 0, name);

const pairOf = (side: number, condition: Conditions, settings: object = {}): NetworkPair => pairFor(biggan, [3, side, side], condition, settings);
const paths = (layout: Layout, pattern: RegExp) => layout.parameters.map((leaf) => leaf.path).filter((leaf) => pattern.test(leaf));

/** Section 2.6 of IC-GAN's facts. The published generator without labels also keeps a table of 1000 x 128 that it never uses. */
const IC: Conditions = { labels: 0, width: 2048 }, BOTH: Conditions = { labels: 1000, width: 2048 }, LABELS: Conditions = { labels: 1000, width: 0 }, TABLE = 1000 * 128;
test.each<[string, number, number, Conditions, number, number]>([
  ['ImageNet 64, IC', 64, 64, IC, 36_655_876 - TABLE, 21_646_018],
  ['ImageNet 64, labels', 64, 64, LABELS, 31_969_540, 20_571_842],
  ['ImageNet 64, IC with labels', 64, 64, BOTH, 37_868_292, 21_108_930],
  ['ImageNet 128, IC', 128, 96, IC, 77_160_132 - TABLE, 89_593_634],
  ['ImageNet 128, IC with labels', 128, 96, BOTH, 79_052_484, 88_788_002],
  ['ImageNet 128, labels', 128, 96, LABELS, 70_433_988, 87_982_370],
  ['ImageNet 256, IC', 256, 64, IC, 42_860_804 - TABLE, 45_520_066],
  ['ImageNet 256, IC with labels', 256, 64, BOTH, 44_384_516, 44_982_978],
  ['ImageNet 256, labels', 256, 64, LABELS, 37_240_580, 44_445_890],
  ['ImageNet 256 (96), IC', 256, 96, IC, 90_014_340 - TABLE, 100_837_154],
  ['ImageNet 256 (96), IC with labels', 256, 96, BOTH, 92_299_908, 100_031_522],
  ['ImageNet-LT 128, IC with labels', 128, 64, BOTH, 38_073_988, 39_985_346],
  ['ImageNet-LT 128, labels', 128, 64, LABELS, 31_978_628, 39_448_258],
  ['COCO 128, IC', 128, 48, IC, 22_271_076 - TABLE, 23_189_330],
  ['COCO 128, unconditional (one of 1000 labels)', 128, 48, LABELS, 18_383_460, 22_383_698],
  ['COCO 256, IC', 256, 48, IC, 25_861_956 - TABLE, 26_000_786],
  ['COCO 256, unconditional (one of 1000 labels)', 256, 48, LABELS, 21_384_516, 25_195_154],
])('%s: as many parameters as published', (_, side, channels, condition, generator, discriminator) => {
  const pair = pairOf(side, condition, { generator: channels, discriminator: channels });
  expect({ generator: sizeOf(pair.generator.layout.parameters), discriminator: sizeOf(pair.discriminator.layout.parameters) }).toEqual({ generator, discriminator });
});

test('z gives every block a piece: what does not divide evenly is left out', () => {
  expect([32, 64, 128, 256].map((side) => pairOf(side, IC).networks.latent)).toEqual([120, 120, 120, 119]);
  expect(pairOf(256, IC).generator.layout.parameters.find((leaf) => leaf.path === 'block1.norm1.gain.weight')!.dims).toEqual([1024, 512 + 17]);
  expect(pairOf(64, BOTH).generator.layout.parameters.find((leaf) => leaf.path === 'block4.norm2.bias.weight')!.dims).toEqual([128, 640 + 24]);
});

test.each<[number, object, readonly string[], readonly string[]]>([
  [32, {}, [], []], [64, {}, ['attention3'], ['attention1']], [128, {}, ['attention4'], ['attention1']], [256, {}, ['attention4'], ['attention2']],
  [64, { attention: { generator: [8, 16], discriminator: [4] } }, ['attention1', 'attention2'], ['attention4', 'attention5']],
  // The published table calls the images after all four blocks 16x16.
  [32, { attention: { generator: [16], discriminator: [16] } }, ['attention2'], ['attention1', 'attention2', 'attention3', 'attention4']],
  [32, { attention: { discriminator: [8] } }, [], []],
])('at side %d with %j attention follows the published blocks', (side, settings, generator, discriminator) => {
  const pair = pairOf(side, IC, settings), found = (layout: Layout) => paths(layout, /gamma$/).map((leaf) => leaf.split('.')[0]);
  expect([found(pair.generator.layout), found(pair.discriminator.layout)]).toEqual([generator, discriminator]);
});

const small = { generator: 2, discriminator: 2, latent: 9, label_embedding: 3, vector_embedding: 4 };

test.each<[string, Conditions, object, RegExp[]]>([
  ['a label', { labels: 3, width: 0 }, {}, [/^label/]], ['a vector', { labels: 0, width: 5 }, {}, [/^vector/]], ['both', { labels: 3, width: 5 }, {}, [/^label/, /^vector/]],
  ['a label with a linear head', { labels: 3, width: 0 }, { head: 'linear' }, [/^label/]], ['both with a linear head', { labels: 3, width: 5 }, { head: 'linear' }, [/^label/, /^vector/]],
  ['one label', { labels: 0, width: 0 }, {}, [/^label/]], ['one label with a linear head', { labels: 0, width: 0 }, { head: 'linear' }, [/^label/]],
  ['nothing', { labels: 0, width: 0 }, { unconditional: 'none' }, []],
])(`conditioned on %s, both networks use it and give images and scores (seed ${seed})`, (_, condition, more, leaves) => {
  const pair = pairOf(32, condition, { ...small, ...more }), { made, judged, values, feeds } = traced(pair, seed);
  expect([made.dims, judged.logit.dims, judged.feature.dims]).toEqual([[2, 3, 32, 32], [2], [2, 8]]);
  for (const { layout } of [pair.generator, pair.discriminator]) expect(new Set(paths(layout, /^(label|vector)/).map((leaf) => leaf.split('.')[0])).size).toBe(leaves.length);
  const images = values(made), scores = values(judged.logit);
  expect(images.every((v) => Math.abs(v) < 1) && Math.max(...images) - Math.min(...images) > 0.1).toBe(true);
  const changed: Record<string, Feed> = {
    ...(feeds.label ? { label: { dims: [2], data: Float64Array.of(2, 0) } } : {}),
    ...(feeds.vector ? { vector: { dims: [2, 5], data: Float64Array.from(feeds.vector.data as Float32Array, (v, i) => (i < 5 ? v + 1 : v)) } } : {}),
  };
  for (const name of Object.keys(changed)) {
    const other = { [name]: changed[name]! }, [image, score] = [values(made, other), values(judged.logit, other)];
    // Evaluation judges and makes each item by itself: the second one, whose condition stayed, is as it was.
    expect([image.slice(images.length / 2), score[1]]).toEqual([images.slice(images.length / 2), scores[1]]);
    expect(Math.abs(score[0]! - scores[0]!)).toBeGreaterThan(1e-6);
    expect(image.slice(0, images.length / 2).some((v, i) => Math.abs(v - images[i]!) > 1e-6)).toBe(true);
    expect(values(judged.feature, other)).toEqual(values(judged.feature));
  }
});

test.each<[string, object, Conditions, readonly [string, readonly number[]][]]>([
  ['an embedding of the feature\'s width', {}, LABELS, [['label.weight', [1000, 8]]]],
  ['a linear layer with a bias a label', { head: 'linear' }, LABELS, [['label.weight', [1000, 8]], ['label.bias', [1000]]]],
  ['halves for label and vector', {}, BOTH, [['label.weight', [1000, 4]], ['vector.weight', [4, 2048]], ['vector.bias', [4]]]],
  ['a linear layer, and a whole direction for the vector', { head: 'linear' }, BOTH, [['vector.weight', [8, 2048]], ['vector.bias', [8]], ['label.weight', [1000, 8]], ['label.bias', [1000]]]],
])('the discriminator takes its condition by %s', (_, settings, condition, leaves) => {
  const { layout } = pairOf(32, condition, { ...small, ...settings }).discriminator;
  expect(layout.parameters.filter(({ path: at }) => /^(label|vector)/.test(at)).map(({ path: at, dims }) => [at, dims])).toEqual(leaves);
});

test.each(['ortho', 'N02', 'xavier'])(`first weights are %s, biases as torch's, gamma 0 (seed ${seed})`, (init) => {
  const { layout } = pairOf(32, IC, { ...small, init, attention: { generator: [8] } }).generator;
  const valuesOf = (leaf: string) => whole(initialise(layout.parameters.filter(({ path: at }) => at === leaf), random)), w = valuesOf('block1.conv1.weight');
  const deviation = Math.sqrt(w.reduce((t, v) => t + v * v, 0) / w.length);
  expect(deviation / { ortho: Math.sqrt(1 / 72), N02: 0.02, xavier: Math.sqrt(2 / 144) }[init]!).toBeCloseTo(1, init === 'ortho' ? 6 : 0.7);
  expect([...valuesOf('attention1.gamma'), ...valuesOf('out.norm.bias')].every((v) => v === 0)).toBe(true);
  const bias = valuesOf('block1.conv1.bias').reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  expect(bias).toBeLessThanOrEqual(1 / Math.sqrt(72));
  expect(bias).toBeGreaterThan(0.4 / Math.sqrt(72));
});

test.each<[string, readonly number[], object, Conditions, string]>([
  ['a side that it has no networks for', [3, 48, 48], {}, IC, "can't make images [3,48,48]: it wants images of 32x32, 64x64, 128x128, 256x256"],
  ['images that are not square', [3, 64, 32], {}, IC, 'it wants images of 32x32'],
  ['points', [2], {}, IC, 'it wants images of 32x32'],
  ['a z too narrow for its pieces', [3, 64, 64], { latent: 4 }, IC, 'z of 4 does not give 5 pieces'],
  ['attention over few channels', [3, 64, 64], { discriminator: 4 }, IC, 'attention wants 8 channels or more; the discriminator has 4 there (config.backbone.attention.discriminator)'],
  ['attention where no block is', [3, 64, 64], { attention: { generator: [128] } }, IC, 'no block of the generator gives images of 128x128'],
])('refuses %s', (_, image, settings, conditions, says) => {
  const config = biggan.config.parse({ type: 'biggan', ...settings });
  expect(() => requireFit(biggan, config, image, conditions, 'nodes.train.config.backbone')).toThrow(says);
});

describe('on ONNX Runtime', () => {
  let host: SessionHost;
  beforeAll(async () => { host = await createWorkerHost({ threads: 1 }); });
  afterAll(() => host.close());

  test('the generator compiles for any batch', async () => {
    for (const condition of [{ labels: 0, width: 0 }, { labels: 3, width: 5 }]) await (await host.compile(generatorProgram(pairFor(biggan, [1, 64, 64], condition, { ...small, generator: 8, discriminator: 8 })))).release();
  });

  for (const name of ['biggan_ic_r32', 'biggan_ccic_r64', 'biggan_fullstep_ccic_r32']) {
    whenShared(`${name}: an iteration of the published training is ours`, async () => {
      const groups = await bigganStep.check(await readFixture(path.join(shared, 'fixtures/ic-gan'), name), host);
      expect(groups.filter((group) => !('pass' in group && group.pass))).toEqual([]);
      expect(groups.length).toBeGreaterThan(15);
    });
  }
});
