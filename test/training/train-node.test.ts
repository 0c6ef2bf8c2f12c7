/** @file The training node: settings that change the step by wave or network, what it emits, and what it refuses. */
import type { SessionHost } from '../../engine/session/host.js';
import { createWorkerHost } from '../../engine/session/worker-host.js';
import { trainNode } from '../../engine/training/train-node.js';
import { selfConditioned } from '../../plugins/self-conditioned-gan/method.js';
import { networkPair } from '../../engine/training/networks.js';
import { mlpMaxout } from '../../plugins/backbones/mlp-maxout.js';
import { adam } from '../../plugins/optimisers/adam.js';
import { BATCH, LABELS, maxout, seed } from './small.js';
import { backbones, startTrainer } from './trainer.js';

let host: SessionHost;
beforeAll(async () => { host = await createWorkerHost({ threads: 1 }); });
afterAll(() => host.close());

const steps = (from: readonly number[], to: readonly number[]) => to.map((v, i) => v - from[i]!);
const close = (got: readonly number[], expected: readonly number[], tolerance = 1e-6) => {
  expect(got).toHaveLength(expected.length);
  got.forEach((v, i) => { expect(Math.abs(v - expected[i]!)).toBeLessThanOrEqual(tolerance); });
};

test(`each network has a rate of its own (seed ${seed})`, async () => {
  const [even, uneven] = await Promise.all([{}, { rate: { generator: 0.5, discriminator: 2 } }].map((config) => startTrainer(host, config)));
  const before = { generator: await even!.read('generator/parameters'), discriminator: await even!.read('discriminator/parameters') };
  expect(await uneven!.read('generator/parameters')).toEqual(before.generator);
  await Promise.all([even!.step(0), uneven!.step(0)]);
  const [d1, d2] = await Promise.all([even!, uneven!].map(async (trainer) => steps(before.discriminator, await trainer.read('discriminator/parameters'))));
  close(d2!, d1!.map((d) => 2 * d));
  // The generator's gradient is that of a discriminator which moved twice as far, so only a discriminator at the same rate compares.
  const half = await startTrainer(host, { rate: { generator: 0.5 } });
  await half.step(0);
  const [g1, g2] = await Promise.all([even!, half].map(async (trainer) => steps(before.generator, await trainer.read('generator/parameters'))));
  close(g2!, g1!.map((g) => g / 2));
  expect(g1!.some((g) => Math.abs(g) > 1e-4)).toBe(true);
});

test(`the schedule falls by the wave's number, and is reported (seed ${seed})`, async () => {
  const config = { schedule: { type: 'linear', waves: 100 } };
  const [early, late, end] = await Promise.all([config, config, config].map((settings) => startTrainer(host, settings)));
  const before = await early!.read('discriminator/parameters');
  // The same batch in each: `step` draws by the wave, so the waves differ, and only sizes of steps compare.
  expect(await early!.step(0)).toMatchObject({ rate_factor: 1 });
  expect(await late!.step(75)).toMatchObject({ rate_factor: 0.25 });
  expect(await end!.step(100)).toMatchObject({ rate_factor: 0 });
  const size = (v: readonly number[]) => Math.hypot(...v);
  expect(size(steps(before, await late!.read('discriminator/parameters')))).toBeLessThan(0.5 * size(steps(before, await early!.read('discriminator/parameters'))));
  expect(await end!.read('discriminator/parameters')).toEqual(before);
});

test(`before its first wave the average is a copy, then it follows (seed ${seed})`, async () => {
  const trainer = await startTrainer(host, { averaging: { decay: 0.75, from: 2 } });
  expect(trainer.weights).toMatchObject({ averaged: true });
  for (const wave of [0, 1]) {
    await trainer.step(wave);
    expect(await trainer.read('generator/average')).toEqual(await trainer.read('generator/parameters'));
    expect(await trainer.read('generator/average-buffers')).toEqual(await trainer.read('generator/buffers'));
  }
  const before = await trainer.read('generator/average');
  await trainer.step(2);
  const live = await trainer.read('generator/parameters');
  close(await trainer.read('generator/average'), before.map((v, i) => 0.75 * v + 0.25 * live[i]!));
});

test(`from its freeze on, running statistics stay while the networks go on (seed ${seed})`, async () => {
  const trainer = await startTrainer(host, { freeze: 2 }), versions: number[][] = [], parameters: number[][] = [];
  for (let wave = 0; wave < 4; wave++) {
    await trainer.step(wave);
    versions.push(await trainer.read('generator/buffers'));
    parameters.push(await trainer.read('generator/parameters'));
  }
  expect(versions[1]).not.toEqual(versions[0]);
  expect(versions.slice(2)).toEqual([versions[1], versions[1]]);
  expect(parameters[3]).not.toEqual(parameters[2]);
});

test(`the same seed draws the same weights, each leaf from a stream of its own (seed ${seed})`, async () => {
  const trainers = await Promise.all([{}, {}, { backbone: { ...maxout, embedding: 4 } }].map((config) => startTrainer(host, config)));
  const [one, two, wide] = await Promise.all(trainers.map(async ({ weights, read }) => {
    const flat = await read('generator/parameters'), leaves = new Map<string, number[]>();
    for (const { path, dims } of networkPair(weights.networks, mlpMaxout).generator.layout.parameters) leaves.set(path, flat.splice(0, dims.reduce((a, b) => a * b, 1)));
    return leaves;
  }));
  expect(two).toEqual(one);
  expect(one!.get('layer2.linear.weight')).toHaveLength(36);
  expect(one!.get('layer2.linear.weight')).not.toEqual(one!.get('layer3.linear.weight'));
  // A wider embedding widens the first layer, and leaves the others alone.
  expect(wide!.get('layer1.linear.weight')).toHaveLength(36);
  for (const path of ['layer2.linear.weight', 'layer4.linear.bias', 'out.weight']) expect(wide!.get(path)).toEqual(one!.get(path));
});

test(`Adam's correction counts the updates of its network (seed ${seed})`, async () => {
  const [b1, b2] = [0.5, 0.9], trainer = await startTrainer(host, { optimiser: { type: 'adam', lr: 0.01, betas: [b1, b2] } });
  for (let wave = 0; wave < 3; wave++) {
    const before = await trainer.read('generator/parameters');
    await trainer.step(wave);
    // The moments are decayed sums; the paper's averages are (1 - beta) times these.
    const [sum1, sum2] = await Promise.all([trainer.read('generator/moment1'), trainer.read('generator/moment2')]), t = wave + 1;
    const m = sum1.map((x) => (1 - b1) * x), v = sum2.map((x) => (1 - b2) * x);
    close(await trainer.read('generator/parameters'), before.map((p, i) => p - (0.01 * m[i]! / (1 - b1 ** t)) / (Math.sqrt(v[i]! / (1 - b2 ** t)) + 1e-8)), 1e-5);
  }
});

test('weights carry the networks and the averages, not the moments', async () => {
  const trainer = await startTrainer(host, { averaging: { decay: 0.9 }, optimiser: { type: 'adam', lr: 0.001 } });
  expect(trainer.names()).toEqual(expect.arrayContaining(['generator/moment1', 'discriminator/moment2']));
  expect(Object.keys(trainer.weights.state).sort()).toEqual(['discriminator/parameters', 'generator/average', 'generator/average-buffers', 'generator/buffers', 'generator/parameters']);
  expect(trainer.weights.networks).toMatchObject({ backbone: 'mlp-maxout', image: [2], condition: { labels: LABELS, width: 0 }, latent: 2 });
});

test('a loss that runs away ends the run with exit code 3, named by phase and term; the state is the one before', async () => {
  const trainer = await startTrainer(host, { optimiser: { type: 'sgd', lr: 1e20 } });
  await expect(trainer.step(0)).rejects.toMatchObject({
    exitCode: 3, message: expect.stringMatching(/^StepError: node "train", wave 0: generator phase: adversarial is .*; losses must be finite and below 1e\+12: training has diverged\n {2}because discriminator\.real = .*\n {2}try a lower learning rate/),
  });
  expect((await trainer.read('discriminator/parameters')).every((v) => Math.abs(v) < 10)).toBe(true);
});

describe('refused, with the place and exit code 2', () => {
  test.each<[string, object, object, RegExp]>([
    ['labels without a bound', {}, { label: { dtype: 'i64', dims: [BATCH] } }, /^InputError: nodes\.train\.in\.label: how many labels there are is open: label wants i64<K>\[B\] with K known/],
    ['labels with an open bound', {}, { label: { dtype: 'i64', dims: [BATCH], below: 'K' } }, /^InputError: nodes\.train\.in\.label: how many labels/],
    ['images with an open size', {}, { image: { dtype: 'f32', dims: ['B', 2] } }, /^InputError: nodes\.train\.in\.image: its sizes are open \(B, 2\)/],
    ['pictures for networks of points', {}, { image: { dtype: 'f32', dims: [BATCH, 3, 16, 16] } }, /^InputError: nodes\.train\.config\.backbone: backbone mlp-maxout can't make images \[3,16,16\]: it makes points/],
    ['points for networks of pictures', { backbone: { type: 'dcgan-shallow' } }, {}, /^InputError: nodes\.train\.config\.backbone: backbone dcgan-shallow can't make images \[2\]: it wants square images/],
    ['pictures of an odd size', { backbone: { type: 'dcgan-shallow' } }, { image: { dtype: 'f32', dims: [BATCH, 3, 28, 28] } }, /a multiple of 16/],
  ])('%s', async (_, config, given, message) => {
    await expect(startTrainer(host, config, given)).rejects.toMatchObject({ exitCode: 2, message: expect.stringMatching(message) });
  });

  test('vectors for networks that take labels', async () => {
    const method = { ...selfConditioned, batch: { image: 'f32[B,...S]', vector: 'f32[B,E]' }, condition: { vector: 'vector' } };
    const type = trainNode(method, { backbones, optimisers: [adam] });
    const start = async () => type.start(type.config.parse({ backbone: { type: 'mlp-maxout' }, optimiser: { type: 'adam', lr: 1 } }), {
      node: 'train', wired: () => true, type: (port: string) => ({ dtype: 'f32', dims: port === 'image' ? [4, 2] : [4, 16] }),
    } as never);
    await expect(start()).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining('backbone mlp-maxout carries no condition, labels; here it gets vectors') });
  });

  test.each<[object, string]>([
    [{ accumulate: 3 }, 'nodes.train.config.accumulate: a batch of 8 does not divide into 3 slices'],
    [{ backbone: { type: 'mlp-maxout', pack: 3 } }, 'nodes.train.config.backbone.pack: a batch of 8 does not divide into packs of 3 images, which the discriminator sees at once'],
    [{ backbone: { type: 'mlp-maxout', pack: 4 }, accumulate: 4 }, 'nodes.train.config.backbone.pack: a batch of 8 does not divide into 4 slices of packs of 4 images'],
  ])('a batch that the settings do not divide, when the graph is checked: %j', (config, says) => {
    const type = trainNode(selfConditioned, { backbones, optimisers: [adam] });
    const settings = type.config.parse({ backbone: { type: 'mlp-maxout' }, optimiser: { type: 'adam', lr: 1 }, ...config });
    expect(() => type.check!(settings, { node: 'train', wired: (port) => port === 'image', type: () => ({ dtype: 'f32', dims: [8, 2] }) })).toThrow(says);
  });

  test('a backbone or an optimiser that is not at hand', () => {
    const type = trainNode(selfConditioned, { backbones, optimisers: [adam] });
    const issues = (config: object) => type.config.safeParse(config).error!.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    expect(issues({ backbone: { type: 'resnet' }, optimiser: { type: 'adm', lr: 1 } }))
      .toEqual(['backbone.type: { type: mlp-maxout | dcgan-shallow | plain, … }', 'optimiser.type: { type: adam, … }']);
  });
});
