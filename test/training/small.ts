/** @file Training steps that are small enough for the float64 interpreter: plans, first states, and one run of a traced step. */
import { z } from 'zod';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { evaluate, type Feed } from '../../engine/tensor/evaluate.js';
import { add, concat, oneHot, reshape, tanh } from '../../engine/tensor/ops/index.js';
import { linear } from '../../engine/tensor/layers.js';
import { initialise } from '../../engine/tensor/scope.js';
import { whole } from '../../engine/tensor/slices.js';
import { defineBackbone, type Backbone } from '../../engine/training/backbone.js';
import { networkPair } from '../../engine/training/networks.js';
import { trainingState, type StepPlan, type TracedStep } from '../../engine/training/step.js';
import { sgd } from '../../plugins/optimisers/sgd.js';
import { mlpMaxout } from '../../plugins/backbones/mlp-maxout.js';
import { selfConditioned } from '../../plugins/self-conditioned-gan/method.js';

export const seed = 21;
export const LABELS = 3;
export const BATCH = 8;

/** Networks without batch norm or any other state. */
export const plain = defineBackbone({
  name: 'plain', about: 'Two layers each.', config: z.strictObject({ type: z.literal('plain') }), conditions: ['label'], latent: () => 2,
  generator: (s, z, { label, labels }) => linear(s.at('out'), tanh(linear(s.at('hidden'), concat([z, oneHot(label!, labels)], 1), 6)), 2),
  discriminator(s, image, { label, labels }) {
    const feature = tanh(add(linear(s.at('hidden'), image, 6), linear(s.at('label'), oneHot(label!, labels), 6)));
    return { feature, logit: reshape(linear(s.at('out'), feature, 1), [image.dims[0]!]) };
  },
});

export const maxout = { type: 'mlp-maxout', generator: 6, discriminator: 4, pool: 2, embedding: 3 };

/** A plan for points of `LABELS` classes: plain gradient descent unless it says otherwise. */
export function planOf(backbone: Backbone, more: Partial<StepPlan> = {}, raw: object = backbone === mlpMaxout ? maxout : { type: backbone.name }, batch = BATCH): StepPlan {
  const config = backbone.config.parse(raw);
  return {
    method: selfConditioned, options: selfConditioned.options.parse({}), accumulate: 1,
    pair: networkPair({ backbone: backbone.name, config, image: [2], latent: backbone.latent(config, [2]), condition: { labels: LABELS, width: 0 } }, backbone),
    optimiser: { type: sgd, config: sgd.config.parse({ type: 'sgd', lr: 0.1 }) },
    batch: { image: { dtype: 'f32', dims: [batch, 2] }, label: { dtype: 'i64', dims: [batch] } },
    ...more,
  };
}

export type Values = Readonly<Record<string, readonly number[]>>;

/** First values of every state tensor, drawn by path; the averages start as copies. */
export function firstValues(plan: StepPlan): Values {
  const values: Record<string, readonly number[]> = {};
  for (const name of ['generator', 'discriminator'] as const) {
    for (const kind of ['parameters', 'buffers'] as const)
      values[`${name}/${kind}`] = Array.from(whole(initialise(plan.pair[name].layout[kind], (path) => keyedRandom(seed, name, 0, path))));
  }
  const copies: Readonly<Record<string, string>> = { 'generator/average': 'generator/parameters', 'generator/average-buffers': 'generator/buffers' };
  return Object.fromEntries(Object.entries(trainingState(plan)).map(([name, { dims }]) => [name, values[copies[name] ?? name] ?? Array<number>(dims[0] as number).fill(0)]));
}

/** The batch and latents of a wave. */
export function batchOf(plan: StepPlan, { draws }: TracedStep, wave = 0): Readonly<Record<string, Feed>> {
  const random = (name: string) => keyedRandom(seed, 'batch', wave, name), size = plan.batch.image!.dims[0] as number;
  return {
    image: { dims: [size, 2], data: random('image').normal(2 * size) },
    label: { dims: [size], data: random('label').integers(size, LABELS) },
    ...Object.fromEntries(Object.entries(draws).map(([name, { of, dims }]) => [name, { dims, data: random(name)[of](dims.reduce((a, b) => a * b)) }])),
  };
}

export interface Result { readonly state: Values; readonly metrics: Readonly<Record<string, number>> }

/** Runs a traced step once. `rate`, `decay` and `noise` are what its scalars are made of; every network's updates count from `updates`. */
export function runStep(plan: StepPlan, traced: TracedStep, state: Values, { rate = 0.1, decay = 0, noise = 0, updates = 0, wave = 0, feeds = {} as Readonly<Record<string, Feed>> } = {}): Result {
  const { optimiser: { type, config } } = plan, { program, slots } = traced;
  const scalars = Object.entries(slots).map(([name, slot]) => {
    const data = slot.of === 'optimiser' ? type.scalars(config, updates + slot.update + 1, rate) : [slot.of === 'noise' ? noise : decay];
    return [name, { dims: [data.length], data }];
  });
  const states = Object.entries(program.state), outputs = Object.entries(program.outputs);
  const results = evaluate([...states.map(([, { next }]) => next), ...outputs.map(([, t]) => t)], {
    ...Object.fromEntries(Object.entries(state).map(([name, data]) => [name, { dims: [data.length], data }])),
    ...batchOf(plan, traced, wave), ...Object.fromEntries(scalars), ...feeds,
  }).map(({ data }) => Array.from(data));
  return {
    state: Object.fromEntries(states.map(([name], i) => [name, results[i]!])),
    metrics: Object.fromEntries(outputs.map(([name], i) => [name, results[states.length + i]![0]!])),
  };
}

/** Expects two versions of the state to agree in float64, but for the order of sums. */
export function expectClose(got: Values, expected: Values): void {
  expect(Object.keys(got)).toEqual(Object.keys(expected));
  for (const [name, values] of Object.entries(expected)) {
    const error = values.reduce((most, v, i) => Math.max(most, Math.abs(v - got[name]![i]!)), 0);
    expect({ name, error: error < 1e-10 }).toEqual({ name, error: true });
  }
}
