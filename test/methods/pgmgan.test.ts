/** @file The method of Partition-Guided GANs: when its guide is there, what it moves, how often its generator is trained; and its partitioner, which stays as it is. */
import type { SessionHost } from '../../engine/session/host.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { createWorkerHost } from '../../engine/session/worker-host.js';
import { tensor } from '../../engine/spec/value.js';
import { partitionerFunction, type PartitionerNetwork } from '../../engine/training/encoder.js';
import { phaseCadence, traceStep } from '../../engine/training/step.js';
import type { Partitioner } from '../../engine/training/values.js';
import { pointsLinear } from '../../plugins/partitioners/points.js';
import { pgmgan } from '../../plugins/pgmgan/method.js';
import { firstValues, LABELS, plain, planOf, runStep, seed } from '../training/small.js';
import { startTrainer } from '../training/trainer.js';

const network: PartitionerNetwork = { encoder: 'points-linear', config: { type: 'points-linear' }, image: [2], parts: LABELS, head: 'linear' };
const partitioner = partitionerFunction(network, pointsLinear);
/** Large, so that points are far from their parts. */
const parameters = Float32Array.from(keyedRandom(seed, 'test', 0, 'partitioner').normal(3 * LABELS), (v) => 3 * v);
const feeds = { 'encoder/parameters': { dims: [parameters.length], data: Array.from(parameters) } };
const plan = (options: object, guided = true) => planOf(plain, { method: pgmgan, options: pgmgan.options.parse({ steps: 1, ...options }), ...(guided && { partitioner }) });
const all = () => true;

describe(`one step (seed ${seed})`, () => {
  /** A step whose guide has this weight, and how far it moved each network. */
  const stepped = (weight: number, options: object = {}, guided = true) => {
    const whole = plan(options, guided), state = firstValues(whole), { state: after, metrics } = runStep(whole, traceStep(whole, all), state, { decay: weight, feeds });
    const step = (name: string) => after[name]!.map((v, i) => v - state[name]![i]!);
    return { metrics, generator: step('generator/parameters'), discriminator: step('discriminator/parameters') };
  };
  const apart = (a: readonly number[], b: readonly number[]) => a.map((v, i) => v - b[i]!);

  test('without a partitioner there is no guide', () => {
    expect(Object.keys(stepped(1, {}, false).metrics).sort()).toEqual(['discriminator.fake', 'discriminator.real', 'generator.adversarial']);
    expect(Object.keys(stepped(1).metrics).sort())
      .toEqual(['discriminator.fake', 'discriminator.real', 'generator.accepted', 'generator.adversarial', 'generator.guide', 'generator.guide_weight']);
  });

  test.each(['guide', 'cross-entropy'] as const)('%s: its gradient reaches the generator in proportion to its weight, and nothing else', (kind) => {
    const [none, once, twice] = [0, 1, 2].map((weight) => stepped(weight, { guide: { kind } })), bare = stepped(1, {}, false);
    expect(none!.generator).toEqual(bare.generator);
    for (const one of [none, once, twice]) expect(one!.discriminator).toEqual(bare.discriminator);
    const pull = apart(once!.generator, none!.generator);
    expect(Math.hypot(...pull)).toBeGreaterThan(1e-3);
    apart(twice!.generator, none!.generator).forEach((v, i) => { expect(v).toBeCloseTo(2 * pull[i]!, 10); });
    expect(twice!.metrics['generator.guide']).toBeCloseTo(2 * once!.metrics['generator.guide']!, 10);
    expect(twice!.metrics['generator.guide_weight']).toBe(2);
    expect(once!.metrics['generator.adversarial']).toBe(none!.metrics['generator.adversarial']);
  });

  test('over parts it sums or takes the mean; cross-entropy is another term', () => {
    const value = (guide: object) => stepped(1, { guide }).metrics['generator.guide']!;
    expect(value({ reduction: 'sum' })).toBeCloseTo(LABELS * value({ reduction: 'mean' }), 10);
    expect(value({ kind: 'cross-entropy' })).toBeGreaterThan(0);
    expect(value({ kind: 'cross-entropy' })).not.toBeCloseTo(value({ reduction: 'sum' }), 3);
  });

  test('fresh latents are drawn for the generator step alone; R1 is a term of the discriminator\'s', () => {
    const draws = (options: object) => Object.keys(traceStep(plan(options), all).draws).sort();
    expect([draws({}), draws({ latents: 'fresh' })]).toEqual([['z'], ['fool', 'z']]);
    const [plainly, smoothly] = [stepped(1), stepped(1, { penalty: { weight: 0.1 } })];
    expect(smoothly.metrics['discriminator.penalty']).toBeGreaterThan(0);
    for (const term of ['real', 'fake'] as const) expect(smoothly.metrics[`discriminator.${term}`]).toBeCloseTo(plainly.metrics[`discriminator.${term}`]!, 10);
    expect(smoothly.discriminator).not.toEqual(plainly.discriminator);
  });

  test('steps down the guide bring its images nearer to their parts', () => {
    const whole = plan({}), traced = traceStep(whole, ({ trains }) => trains === 'generator'), values: number[] = [];
    let state = firstValues(whole);
    for (let i = 0; i < 30; i++) {
      const { state: after, metrics } = runStep(whole, traced, state, { decay: 1, rate: 0.03, feeds });
      values.push(metrics['generator.guide']!);
      state = after;
    }
    expect(values.at(-1)).toBeLessThan(0.7 * values[0]!);
  });

  test('the partitioner is an input of the program, and no part of its state', () => {
    const { program, updates } = traceStep(plan({}), all);
    expect(Object.keys(program.inputs)).toContain('encoder/parameters');
    expect(Object.keys(program.state).filter((name) => name.startsWith('encoder'))).toEqual([]);
    expect(updates).toEqual({ generator: 1, discriminator: 1 });
    expect(phaseCadence(plan({ steps: 4 }))).toEqual([1, 4]);
  });
});

describe(`the node (seed ${seed})`, () => {
  let host: SessionHost, frozen: Partitioner;
  beforeAll(async () => {
    host = await createWorkerHost({ threads: 1 });
    frozen = { network, state: { 'encoder/parameters': await host.put(tensor('f32', [parameters.length], parameters)) } };
  });
  afterAll(() => host.close());

  test('with 4 steps the generator is trained in waves 0, 4 and 8, as the guide falls by generator steps; the partitioner stays', async () => {
    const options = { steps: 4, guide: { weight: 2, slope: -0.5, floor: 1.25 } };
    const trainer = await startTrainer(host, { backbone: { type: 'plain' }, options }, { method: pgmgan, partitioner: frozen }), moved: boolean[] = [], weights: (number | undefined)[] = [];
    for (let wave = 0; wave < 9; wave++) {
      const before = await Promise.all(['generator', 'discriminator'].map((name) => trainer.read(`${name}/parameters`)));
      const metrics = await trainer.step(wave), [G, D] = await Promise.all(['generator', 'discriminator'].map((name) => trainer.read(`${name}/parameters`)));
      expect(D).not.toEqual(before[1]);
      moved.push(String(G) !== String(before[0]));
      weights.push(metrics['generator.guide_weight']);
    }
    expect(moved).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8].map((wave) => wave % 4 === 0));
    expect(weights).toEqual([2, undefined, undefined, undefined, 1.5, undefined, undefined, undefined, 1.25]);
    expect((await host.get(frozen.state['encoder/parameters']!)).data).toEqual(parameters);
  });

  test('without a partitioner it trains on the labels alone', async () => {
    const trainer = await startTrainer(host, { backbone: { type: 'plain' }, options: { steps: 1 } }, { method: pgmgan }), before = await trainer.read('generator/parameters');
    expect(Object.keys(await trainer.step(0)).sort()).toEqual(['discriminator.fake', 'discriminator.real', 'generator.adversarial']);
    expect(await trainer.read('generator/parameters')).not.toEqual(before);
  });
});
