/** @file The training step as one program, in the float64 interpreter: order of phases, slices, sharing, averages, freezing. */
import { z } from 'zod';
import { add, mean, mul, stopGradient, sub, square } from '../../engine/tensor/ops/index.js';
import { simplify } from '../../engine/tensor/simplify.js';
import { topological } from '../../engine/tensor/tensor.js';
import { defineMethod } from '../../engine/training/method.js';
import { phaseCadence, traceStep, type StepPlan } from '../../engine/training/step.js';
import { adam } from '../../plugins/optimisers/adam.js';
import { dcganShallow } from '../../plugins/backbones/dcgan.js';
import { mlpMaxout } from '../../plugins/backbones/mlp-maxout.js';
import { selfConditioned } from '../../plugins/self-conditioned-gan/method.js';
import { networkPair } from '../../engine/training/networks.js';
import { BATCH, batchOf, expectClose, firstValues, LABELS, planOf, plain, runStep, seed, type Values } from './small.js';

const all = () => true;
const only = (network: string) => ({ trains }: { readonly trains: string }) => trains === network;
const equations = (plan: StepPlan, active: Parameters<typeof traceStep>[1]) => {
  const { state, outputs } = simplify(traceStep(plan, active).program);
  return topological([...Object.values(state).map(({ next }) => next), ...Object.values(outputs)]).filter(({ op }) => op.name !== 'input' && op.name !== 'constant').length;
};
const penalised = (weight: number) => selfConditioned.options.parse({ penalty: { weight } });
const changed = (a: Values, b: Values) => Object.keys(a).filter((name) => a[name]!.some((v, i) => v !== b[name]![i]));

test(`the generator's phase sees the discriminator as its phase left it: both at once are one after the other (seed ${seed})`, () => {
  const plan = planOf(mlpMaxout, { optimiser: { type: adam, config: adam.config.parse({ type: 'adam', lr: 0.1, betas: [0.5, 0.9] }) } });
  const state = firstValues(plan), joint = runStep(plan, traceStep(plan, all), state);
  const first = runStep(plan, traceStep(plan, only('discriminator')), state);
  const second = runStep(plan, traceStep(plan, only('generator')), first.state);
  expectClose(joint.state, second.state);
  expect(Object.keys(joint.metrics)).toEqual(['discriminator.real', 'discriminator.fake', 'generator.adversarial']);
  expect(joint.metrics).toEqual(Object.fromEntries(Object.entries({ ...first.metrics, ...second.metrics }).map(([name, value]) => [name, expect.closeTo(value, 10)])));
  expect(changed(state, first.state).sort()).toEqual(['discriminator/moment1', 'discriminator/moment2', 'discriminator/parameters', 'generator/buffers']);
});

test(`to the next phase an update is a constant, even where a method lets the gradient through (seed ${seed})`, () => {
  const method = defineMethod({
    name: 'open', about: 'Never stops a gradient.', batch: { image: 'f32[B,...S]', label: 'i64<K>[B]' }, condition: { label: 'label' }, options: z.strictObject({}),
    phases: ({ G, D, batch: { label }, z: latent }) => [
      { trains: 'discriminator', losses: () => ({ fake: mean(square(D(G(latent(), { label }), { label }).logit)) }) },
      { trains: 'generator', losses: () => ({ fool: mul(mean(D(G(latent(), { label }), { label }).logit), -1) }) },
    ],
  });
  const plan = planOf(plain, { method }), state = firstValues(plan);
  const first = runStep(plan, traceStep(plan, only('discriminator')), state);
  expectClose(runStep(plan, traceStep(plan, all), state).state, runStep(plan, traceStep(plan, only('generator')), first.state).state);
});

describe('accumulation', () => {
  const updated = (plan: StepPlan, state = firstValues(plan)) => runStep(plan, traceStep(plan, all), state).state;

  test.each([2, 4])(`over %i slices is the whole batch where images do not meet (seed ${seed})`, (accumulate) => {
    for (const weight of [0, 0.3]) {
      const plan = planOf(plain, { options: penalised(weight) });
      expectClose(updated({ ...plan, accumulate }), updated(plan));
    }
  });

  test(`batch norm sees each slice by itself, until it is frozen (seed ${seed})`, () => {
    const plan = planOf(mlpMaxout), frozen = { ...plan, frozen: true };
    expect(updated({ ...plan, accumulate: 2 })['generator/parameters']).not.toEqual(updated(plan)['generator/parameters']);
    expectClose(updated({ ...frozen, accumulate: 2 }), updated(frozen));
  });

  test('a batch that does not divide is refused with its numbers', () => {
    expect(() => traceStep(planOf(plain, { accumulate: 3 }), all))
      .toThrow('TraceError: train/self-conditioned: a batch of 8 does not divide into 3 slices: 1 updates in a row, gradients of 3 slices each');
  });
});

test(`frozen, running statistics are used as they are and stay (seed ${seed})`, () => {
  const plan = planOf(mlpMaxout, { frozen: true }), state = firstValues(plan);
  const traced = traceStep(plan, all), { state: after } = runStep(plan, traced, state);
  expect(changed(state, after)).toEqual(['generator/parameters', 'discriminator/parameters']);
  const other = { ...state, 'generator/buffers': state['generator/buffers']!.map((v) => v + 1) };
  expect(runStep(plan, traced, other).metrics['discriminator.fake']).not.toBeCloseTo(runStep(plan, traced, state).metrics['discriminator.fake']!, 6);
  const live = traceStep({ ...plan, frozen: false }, all);
  expect(runStep(plan, live, other).metrics['discriminator.fake']).toBeCloseTo(runStep(plan, live, state).metrics['discriminator.fake']!, 12);
});

describe('sharing', () => {
  test(`the generator's forward pass is one for both phases, and its running statistics move twice (seed ${seed})`, () => {
    const plan = planOf(mlpMaxout), state = firstValues(plan);
    const [joint, apart] = [equations(plan, all), equations(plan, only('discriminator')) + equations(plan, only('generator'))];
    expect(joint).toBeLessThan(apart - 20);
    const once = runStep(plan, traceStep(plan, only('discriminator')), state).state['generator/buffers']!;
    const twice = runStep(plan, traceStep(plan, all), state).state['generator/buffers']!;
    // By 0.1 towards the same batch statistics each time: 0.19 of the way after two.
    twice.forEach((v, i) => { expect(v - state['generator/buffers']![i]!).toBeCloseTo(1.9 * (once[i]! - state['generator/buffers']![i]!), 10); });
  });

  test(`phases with latents of their own share nothing of it (seed ${seed})`, () => {
    const method = defineMethod({
      name: 'two-draws', about: 'Each phase draws.', batch: { image: 'f32[B,...S]', label: 'i64<K>[B]' }, condition: { label: 'label' }, options: z.strictObject({}),
      phases: ({ G, D, batch: { image, label }, z: latent }) => [
        { trains: 'discriminator', losses: () => ({ gap: sub(mean(D(stopGradient(G(latent('d'), { label })), { label }).logit), mean(D(image, { label }).logit)) }) },
        { trains: 'generator', losses: () => ({ gap: mul(mean(D(G(latent('g'), { label }), { label }).logit), -1) }), report: () => ({ spread: mean(square(G(latent('g'), { label }))) }) },
      ],
    });
    const plan = planOf(mlpMaxout, { method }), traced = traceStep(plan, all);
    expect(traced.draws).toEqual({ d: { of: 'normal', dims: [BATCH, 2] }, g: { of: 'normal', dims: [BATCH, 2] } });
    const state = firstValues(plan), feeds = batchOf(plan, traced);
    expect(runStep(plan, traced, state, { feeds: { g: feeds.d! } }).metrics['generator.gap']).not.toBeCloseTo(runStep(plan, traced, state).metrics['generator.gap']!, 6);
    expect(Object.keys(runStep(plan, traced, state).metrics)).toEqual(['discriminator.gap', 'generator.gap', 'generator.spread']);
  });

  test(`a discriminator that judges each image by itself scores two batches at once, and alike (seed ${seed})`, () => {
    const together = planOf(mlpMaxout), apart = planOf({ ...mlpMaxout, perImage: false }, {}, { type: 'mlp-maxout', generator: 6, discriminator: 4, pool: 2, embedding: 3 });
    const state = firstValues(together);
    expectClose(runStep(together, traceStep(together, all), state).state, runStep(apart, traceStep(apart, all), state).state);
    expect(equations(together, all)).toBeLessThan(equations(apart, all));
  });

  test('with batch norm in the discriminator, real and fake ones never share a pass', () => {
    const config = dcganShallow.config.parse({ type: 'dcgan-shallow', latent: 2, embedding: 2, generator: 2, discriminator: 2 });
    const pair = networkPair({ backbone: 'dcgan-shallow', config, image: [1, 16, 16], latent: 2, condition: { labels: LABELS, width: 0 } }, dcganShallow);
    const plan = planOf(plain, { pair, batch: { image: { dtype: 'f32', dims: [4, 1, 16, 16] }, label: { dtype: 'i64', dims: [4] } } });
    const { program } = traceStep(plan, only('discriminator'));
    const rows = topological(Object.values(program.outputs)).filter(({ op, where }) => op.name === 'batchNormalise' && where.includes('discriminator')).map(({ inputs }) => inputs[0]!.dims[0]);
    expect(new Set(rows)).toEqual(new Set([4]));
  });
});

describe('noise', () => {
  test(`is what the discriminator sees images with: of no width it changes nothing (seed ${seed})`, () => {
    const quiet = planOf(plain, { options: penalised(0.3) }), noisy = { ...quiet, noisy: true }, state = firstValues(quiet);
    expectClose(runStep(noisy, traceStep(noisy, all), state).state, runStep(quiet, traceStep(quiet, all), state).state);
    expect(changed(runStep(noisy, traceStep(noisy, all), state, { noise: 0.5 }).state, runStep(quiet, traceStep(quiet, all), state).state).sort()).toEqual(['discriminator/parameters', 'generator/parameters']);
  });

  test(`is added to real and generated images alike, each look with a draw of its own (seed ${seed})`, () => {
    const plan = planOf(plain, { noisy: true }), traced = traceStep(plan, all), state = firstValues(plan), feeds = batchOf(plan, traced);
    const looks = Object.keys(traced.draws).filter((name) => name.startsWith('noise'));
    expect(looks.map((name) => traced.draws[name])).toEqual(Array(3).fill({ of: 'normal', dims: [BATCH, 2] }));
    const [first, second] = looks as [string, string], { image, [first]: onReal } = feeds;
    // Real images with the noise added beforehand are the same to a discriminator that then adds none.
    const moved = { dims: image!.dims, data: Array.from(image!.data as ArrayLike<number>, (v, i) => v + 0.5 * (onReal!.data as ArrayLike<number>)[i]!) };
    const none = { dims: image!.dims, data: Array<number>(2 * BATCH).fill(0) };
    const real = (more: object) => runStep(plan, traced, state, { noise: 0.5, feeds: more as typeof feeds }).metrics['discriminator.real'];
    expect(real({ image: moved, [first]: none })).toBeCloseTo(real({})!, 12);
    expect(real({ [second]: none })).toBe(real({}));
    expect(runStep(plan, traced, state, { noise: 0.5, feeds: { [second]: none } }).metrics['discriminator.fake']).not.toBeCloseTo(runStep(plan, traced, state, { noise: 0.5 }).metrics['discriminator.fake']!, 6);
  });
});

test(`a gradient penalty looks at real images, at generated ones, at both, or between them (seed ${seed})`, () => {
  const step = (on: string, weight = 0.3) => {
    const plan = planOf(plain, { options: selfConditioned.options.parse({ penalty: { on, weight } }) });
    return { draws: Object.keys(traceStep(plan, all).draws), ...runStep(plan, traceStep(plan, all), firstValues(plan)) };
  };
  const [real, generated, both, between] = ['real', 'generated', 'both', 'between'].map((on) => step(on)), penalty = (found: typeof real) => found!.metrics['discriminator.penalty']!;
  expect(penalty(both)).toBeCloseTo(penalty(real) + penalty(generated), 10);
  expect(penalty(real)).not.toBeCloseTo(penalty(generated), 6);
  expect([real!.draws, between!.draws]).toEqual([['z'], ['z', 'between']]);
  // At a share of 0 the points between are the real images, at 1 the generated ones.
  const plan = planOf(plain, { options: selfConditioned.options.parse({ penalty: { on: 'between', weight: 0.3 } }) });
  for (const [share, there] of [[0, real], [1, generated]] as const) {
    const feeds = { between: { dims: [BATCH], data: Array<number>(BATCH).fill(share) } };
    expect(runStep(plan, traceStep(plan, all), firstValues(plan), { feeds }).metrics['discriminator.penalty']).toBeCloseTo(penalty(there), 10);
  }
});

describe('the average', () => {
  const averaging = { decay: 0.75, statistics: true, from: 0 };

  test(`moves towards the generator after its update, statistics and all (seed ${seed})`, () => {
    const plan = planOf(mlpMaxout, { averaging }), state = firstValues(plan);
    const { state: after } = runStep(plan, traceStep(plan, all), state, { decay: 0.75 });
    for (const [live, average] of [['parameters', 'average'], ['buffers', 'average-buffers']] as const)
      after[`generator/${average}`]!.forEach((v, i) => { expect(v).toBeCloseTo(0.75 * state[`generator/${average}`]![i]! + 0.25 * after[`generator/${live}`]![i]!, 10); });
    const copied = runStep(plan, traceStep(plan, all), state, { decay: 0 }).state;
    expect(copied['generator/average']).toEqual(copied['generator/parameters']);
  });

  test(`may take the running statistics as they are (seed ${seed})`, () => {
    const plan = planOf(mlpMaxout, { averaging: { ...averaging, statistics: false } }), state = firstValues(plan);
    const { state: after } = runStep(plan, traceStep(plan, all), state, { decay: 0.75 });
    expect(after['generator/average-buffers']).toEqual(after['generator/buffers']);
    expect(after['generator/average']).not.toEqual(after['generator/parameters']);
  });

  test(`stays while the generator rests (seed ${seed})`, () => {
    const plan = planOf(mlpMaxout, { averaging }), traced = traceStep(plan, only('discriminator'));
    expect(Object.values(traced.slots).map((slot) => slot.of)).toEqual(['optimiser']);
    const state = firstValues(plan);
    expect(runStep(plan, traced, state, { decay: 0.75 }).state['generator/average']).toEqual(state['generator/average']);
  });
});

describe('phases', () => {
  const method = defineMethod({
    name: 'several', about: 'Several updates of the critic.', batch: { image: 'f32[B,...S]', label: 'i64<K>[B]' }, condition: { label: 'label' }, options: z.strictObject({}),
    phases: ({ G, D, batch: { image, label }, z: latent }) => [
      { trains: 'discriminator', times: 2, losses: () => ({ gap: sub(mean(D(stopGradient(G(latent(), { label })), { label }).logit), mean(D(image, { label }).logit)), size: mul(add(mean(square(D(image, { label }).logit)), 0), 0.1) }) },
      { trains: 'generator', every: 3, losses: () => ({ gap: mul(mean(D(G(latent(), { label }), { label }).logit), -1) }) },
    ],
  });

  test('say how often they are active', () => {
    const plan = planOf(plain, { method });
    expect(phaseCadence(plan)).toEqual([1, 3]);
    expect(traceStep(plan, all).updates).toEqual({ generator: 1, discriminator: 2 });
    expect(traceStep(plan, ({ every = 1 }) => every === 1)).toMatchObject({ updates: { generator: 0, discriminator: 2 }, slots: { 'discriminator.update0': {}, 'discriminator.update1': {} } });
  });

  test(`several updates in a row are steps on halves of the batch, one after the other (seed ${seed})`, () => {
    const optimiser = { type: adam, config: adam.config.parse({ type: 'adam', lr: 0.1, betas: [0.5, 0.9] }) };
    const plan = planOf(plain, { method, optimiser }), traced = traceStep(plan, only('discriminator')), state = firstValues(plan);
    const row = runStep(plan, traced, state).state, whole = batchOf(plan, traced);
    const once = { ...method, phases: (trace: never) => method.phases(trace).map((phase) => ({ ...phase, times: 1 })) };
    const half = planOf(plain, { method: once, optimiser }, { type: 'plain' }, BATCH / 2), single = traceStep(half, only('discriminator'));
    let step: Values = state;
    for (const part of [0, 1]) {
      const feeds = Object.fromEntries(Object.entries(whole).map(([name, { dims, data }]) => {
        const length = data.length / 2;
        return [name, { dims: [dims[0]! / 2, ...dims.slice(1)], data: Array.from(data as ArrayLike<number>).slice(part * length, (part + 1) * length) }];
      }));
      step = runStep(half, single, step, { feeds, updates: part }).state;
    }
    expectClose(row, step);
  });
});
