/** @file The networks of Self-Conditioned GAN for images: the published parameter counts, features, packs, what they refuse, and the published steps where the fixtures are. */
import type { SessionHost } from '../../engine/session/host.js';
import { createWorkerHost } from '../../engine/session/worker-host.js';
import { sizeOf } from '../../engine/tensor/scope.js';
import { requireFit, type Backbone, type Conditions } from '../../engine/training/backbone.js';
import { discriminatorProgram } from '../../engine/training/networks.js';
import { traceStep } from '../../engine/training/step.js';
import { dcganDeep, dcganShallow } from '../../plugins/backbones/dcgan.js';
import { mlpMaxout } from '../../plugins/backbones/mlp-maxout.js';
import { resnet2 } from '../../plugins/backbones/resnet2.js';
import { ganStep } from '../parity/kinds/gan-step.js';
import { packedDiscriminator } from '../parity/kinds/packed-discriminator.js';
import { maxout, planOf } from '../training/small.js';
import { pairFor, traced } from './network-pair.js';
import { expectPublished } from './published.js';
import { whenShared } from './rig.js';

const seed = 37, NONE = { labels: 0, width: 0 }, labels = (count: number) => ({ labels: count, width: 0 });

/** Section 1.2 of the facts; it rounds those of resnet2 to 100.3 and 93.5 million. */
test.each<[string, Backbone, number, Conditions, number, number]>([
  ['dcgan-shallow', dcganShallow, 32, labels(100), 5_935_107, 2_963_364], ['dcgan-shallow', dcganShallow, 32, NONE, 3_812_355, 2_760_513],
  ['dcgan-deep', dcganDeep, 32, labels(100), 5_935_107, 3_746_980], ['dcgan-deep', dcganDeep, 32, NONE, 3_812_355, 2_935_873],
  ['resnet2', resnet2, 128, labels(100), 100_305_347, 93_514_276],
])('%s: as many parameters as published', (_, backbone, side, condition, generator, discriminator) => {
  const pair = pairFor(backbone, [3, side, side], condition);
  expect([pair.generator, pair.discriminator].map(({ layout }) => sizeOf(layout.parameters))).toEqual([generator, discriminator]);
});

describe.each<[string, Backbone, number, object]>([
  ['dcgan-deep', dcganDeep, 16, { generator: 4, discriminator: 2, latent: 3, embedding: 2 }], ['resnet2', resnet2, 64, { width: 1, latent: 3, embedding: 2 }],
])('%s', (_, backbone, side, small) => {
  test(`a label changes its own image and score, and no feature (seed ${seed})`, () => {
    const { made, judged, values } = traced(pairFor(backbone, [3, side, side], labels(3), small), seed);
    expect([made.dims, judged.logit.dims]).toEqual([[2, 3, side, side], [2]]);
    const other = { label: { dims: [2], data: Float64Array.of(2, 0) } }, half = 3 * side * side, [images, changed] = [values(made), values(made, other)];
    expect(changed.slice(half)).toEqual(images.slice(half));
    expect(changed.slice(0, half)).not.toEqual(images.slice(0, half));
    expect(values(judged.logit, other)[1]).toBe(values(judged.logit)[1]);
    expect(values(judged.feature, other)).toEqual(values(judged.feature));
  });

  test(`summed features are the flat ones, summed over places (seed ${seed})`, () => {
    const of = (feature: string) => { const { judged, values } = traced(pairFor(backbone, [3, side, side], NONE, { ...small, feature }), seed); return { dims: judged.feature.dims, values: values(judged.feature) }; };
    const flat = of('flat'), summed = of('summed'), places = (flat.dims[1] as number) / (summed.dims[1] as number);
    expect(places).toBe((side / (backbone === resnet2 ? 32 : 8)) ** 2);
    summed.values.forEach((v, i) => { expect(v).toBeCloseTo(flat.values.slice(i * places, (i + 1) * places).reduce((a, b) => a + b), 9); });
  });
});

describe('packs', () => {
  test.each<[string, Backbone, readonly number[], object]>([
    ['dcgan-shallow', dcganShallow, [1, 16, 16], { generator: 1, discriminator: 1 }], ['dcgan-deep', dcganDeep, [1, 16, 16], { generator: 1, discriminator: 1 }], ['mlp-maxout', mlpMaxout, [2], { generator: 4, discriminator: 4 }],
  ])(`%s: two images get one score, which either of them changes (seed ${seed})`, (_, backbone, image, small) => {
    const { judged, values, feeds } = traced(pairFor(backbone, image, NONE, { ...small, pack: 2 }), seed), pixels = Array.from(feeds.image!.data as ArrayLike<number>);
    expect([judged.logit.dims, judged.feature.dims[0]]).toEqual([[1], 1]);
    for (const at of [0, pixels.length - 1]) {
      const moved = { dims: feeds.image!.dims, data: Float64Array.from(pixels, (v, i) => (i === at ? v + 0.5 : v)) };
      expect(values(judged.logit, { image: moved })).not.toEqual(values(judged.logit));
    }
  });

  test('real and generated images share no pack, nor a batch that packs do not divide', () => {
    const step = (pack: number) => traceStep(planOf(mlpMaxout, { pair: pairFor(mlpMaxout, [2], NONE, { ...maxout, pack }) }), () => true);
    expect(step(2).updates).toEqual({ generator: 1, discriminator: 1 });
    expect(() => step(3)).toThrow('a batch of 8 does not divide into packs of 3 images');
  });

  test('have no place for labels, and no features of one image', () => {
    expect(() => requireFit(dcganDeep, dcganDeep.config.parse({ type: 'dcgan-deep', pack: 3 }), [3, 32, 32], labels(5), 'nodes.train.config.backbone')).toThrow('backbone dcgan-deep gives 3 images one score together, which leaves no place for labels');
    expect(() => discriminatorProgram('features', pairFor(dcganDeep, [3, 32, 32], NONE, { pack: 3 }), {}, (judge) => ({ feature: judge().feature }))).toThrow('sees 3 images at once');
  });
});

test.each<[string, Backbone, readonly number[], string]>([
  ['a side that five halvings do not divide', resnet2, [3, 48, 48], 'it wants square images whose side is a multiple of 32'],
  ['images that are not square', dcganDeep, [3, 32, 16], 'it wants square images whose side is a multiple of 8'],
  ['points', resnet2, [2], 'it wants square images'],
])('refuses %s', (_, backbone, image, says) => {
  expect(() => requireFit(backbone, backbone.config.parse({ type: backbone.name }), image, NONE, 'nodes.train.config.backbone')).toThrow(says);
});

describe('on ONNX Runtime', () => {
  let host: SessionHost;
  beforeAll(async () => { host = await createWorkerHost({ threads: 1 }); });
  afterAll(() => host.close());

  for (const [name, kind] of [['sc_dcgan_deep', ganStep], ['sc_resnet2', ganStep], ['sc_pacgan_pack', packedDiscriminator]] as const) {
    whenShared(`${name}: what is published is ours`, () => expectPublished(kind, 'self-cond-and-pgmgan', name, host, 4));
  }
});
