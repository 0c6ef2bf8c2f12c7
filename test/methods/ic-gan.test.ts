/** @file IC-GAN's phases: whose condition goes where, how the batch is shared among discriminator updates, and what the regulariser adds. */
import { z } from 'zod';
import { concat, oneHot, reshape, tanh } from '../../engine/tensor/ops/index.js';
import { linear } from '../../engine/tensor/layers.js';
import { defineBackbone } from '../../engine/training/backbone.js';
import { networkPair } from '../../engine/training/networks.js';
import { traceStep, type StepPlan } from '../../engine/training/step.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import type { Feed } from '../../engine/tensor/evaluate.js';
import { icGan } from '../../plugins/ic-gan/method.js';
import { sgd } from '../../plugins/optimisers/sgd.js';
import { firstValues, runStep } from '../training/small.js';

const seed = 4, LABELS = 3, WIDTH = 5, BATCH = 8;

const both = defineBackbone({
  name: 'both', about: 'Two layers each.', config: z.strictObject({ type: z.literal('both') }), conditions: ['both'], latent: () => 2, perImage: true,
  generator: (s, latent, { label, labels, vector }) => reshape(tanh(linear(s.at('out'), concat([latent, oneHot(label!, labels), vector!], 1), 12)), [-1, 3, 2, 2]),
  discriminator(s, image, { label, labels, vector }) {
    const feature = tanh(linear(s.at('hidden'), concat([reshape(image, [image.dims[0]!, 12]), oneHot(label!, labels), vector!], 1), 6));
    return { feature, logit: reshape(linear(s.at('out'), feature, 1), [image.dims[0]!]) };
  },
});

const all = () => true;
function planOf(options: object, accumulate = 1): StepPlan {
  const shape = (dims: readonly number[]) => ({ dtype: 'f32', dims: [BATCH, ...dims] }) as const, label = { dtype: 'i64', dims: [BATCH] } as const;
  return {
    method: icGan, options: icGan.options.parse(options), accumulate,
    pair: networkPair({ backbone: 'both', config: {}, image: [3, 2, 2], latent: 2, condition: { labels: LABELS, width: WIDTH } }, both),
    optimiser: { type: sgd, config: sgd.config.parse({ type: 'sgd', lr: 0.1 }) },
    batch: { image: shape([3, 2, 2]), label, vector: shape([WIDTH]), fake_label: label, fake_vector: shape([WIDTH]), fool_label: label, fool_vector: shape([WIDTH]) },
  };
}

/** Runs a step on the same batch and draws, but for what `more` replaces. */
function run(options: object, more: Readonly<Record<string, Feed>> = {}, accumulate = 1) {
  const plan = planOf(options, accumulate), traced = traceStep(plan, all);
  const random = (name: string) => keyedRandom(seed, 'batch', 0, name);
  const feeds: Record<string, Feed> = {};
  for (const [name, { dims, dtype }] of Object.entries(plan.batch)) {
    const sizes = dims as readonly number[], count = sizes.reduce((a, b) => a * b);
    feeds[name] = { dims: sizes, data: dtype === 'i64' ? random(name).integers(count, LABELS) : random(name).normal(count) };
  }
  const first = firstValues(plan);
  return { traced, ...runStep(plan, traced, first, { feeds: { ...feeds, ...more } }), first };
}
const vectors = (name: string): Feed => ({ dims: [BATCH, WIDTH], data: keyedRandom(seed, 'other', 0, name).normal(BATCH * WIDTH) });

test(`real images go with their own condition, fakes with theirs, the generator's phase with its own (seed ${seed})`, () => {
  const before = run({}), D = (r: typeof before) => ({ real: r.metrics['discriminator.real'], fake: r.metrics['discriminator.fake'] }), G = (r: typeof before) => r.metrics['generator.adversarial'];
  const [real, fake, fool] = [run({}, { vector: vectors('real') }), run({}, { fake_vector: vectors('fake') }), run({}, { fool_vector: vectors('fool') })];
  expect([D(real).real === D(before).real, D(real).fake === D(before).fake]).toEqual([false, true]);
  expect([D(fake).real === D(before).real, D(fake).fake === D(before).fake]).toEqual([true, false]);
  expect([D(fool), fool.state['discriminator/parameters']]).toEqual([D(before), before.state['discriminator/parameters']]);
  expect(G(fool)).not.toBe(G(before));
});

test(`every discriminator update has its part of the batch, and the generator's phase latents of its own (seed ${seed})`, () => {
  const { traced } = run({ steps: 2 }, {}, 2);
  expect(traced.updates).toEqual({ generator: 1, discriminator: 2 });
  expect(traced.draws).toEqual({ z: { of: 'normal', dims: [BATCH, 2] }, 'z fool': { of: 'normal', dims: [BATCH, 2] } });
  expect(() => traceStep(planOf({ steps: 3 }), all)).toThrow('does not divide into 3 slices');
});

test('flips and DiffAugment have draws for each pass, and flips of reals alone are none for fakes', () => {
  const names = (options: object) => Object.keys(traceStep(planOf(options), all).draws).filter((name) => !name.startsWith('z')).sort();
  expect(names({ mirror: 'real' })).toEqual(['mirror real']);
  expect(names({ mirror: 'both' })).toEqual(['mirror fake', 'mirror fool', 'mirror real']);
  expect(names({ augment: ['translation'] })).toEqual(['fake', 'fool', 'real'].flatMap((as) => ['columns', 'rows'].map((axis) => `translation ${axis} ${as}`)).sort());
});

test(`orthogonal regularisation adds 2 s (W W^T o (1 - I)) W to the gradient of a matrix (seed ${seed})`, () => {
  const strength = 0.3, rate = 0.1, without = run({}), regular = run({ orthogonal: { discriminator: strength } });
  const [rows, width] = [6, 12 + LABELS + WIDTH], w = without.first['discriminator/parameters']!.slice(0, rows * width);
  const row = (r: number) => w.slice(r * width, (r + 1) * width), dot = (a: readonly number[], b: readonly number[]) => a.reduce((t, v, i) => t + v * b[i]!, 0);
  for (let r = 0; r < rows; r++) for (let c = 0; c < width; c++) {
    let slope = 0;
    for (let o = 0; o < rows; o++) if (o !== r) slope += 2 * strength * dot(row(r), row(o)) * w[o * width + c]!;
    const i = r * width + c;
    expect(regular.state['discriminator/parameters']![i]! - without.state['discriminator/parameters']![i]!).toBeCloseTo(-rate * slope, 9);
  }
});
