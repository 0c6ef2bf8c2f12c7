/** @file Optimisers, step by step, against torch's formulas in float64. */
import { input } from '../../engine/tensor/ops/index.js';
import { evaluate } from '../../engine/tensor/evaluate.js';
import type { Optimiser } from '../../engine/training/optimiser.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { adagrad } from '../../plugins/optimisers/adagrad.js';
import { adam } from '../../plugins/optimisers/adam.js';
import { rmsprop } from '../../plugins/optimisers/rmsprop.js';
import { sgd } from '../../plugins/optimisers/sgd.js';

const seed = 11, SIZE = 5, STEPS = 4;
const start = keyedRandom(seed, 'test', 0, 'start').normal(SIZE);
const gradients = Array.from({ length: STEPS }, (_, t) => Array.from(keyedRandom(seed, 'test', t, 'gradient').normal(SIZE), (g) => g * 10 ** (t - 2)));
/** The rate falls on the way, as a schedule's would. */
const rate = (t: number) => 0.1 / (t + 1);

/** Our parameters after each step. */
function ours(optimiser: Optimiser, raw: object): number[][] {
  const config = optimiser.config.parse({ type: optimiser.name, lr: 1, ...raw });
  const vector = (name: string) => input(name, { dtype: 'f32', dims: [SIZE] });
  const names = optimiser.moments(config), scalars = optimiser.scalars(config, 1, 1).map((_, i) => input(`scalar ${i}`, { dtype: 'f32', dims: [] }));
  const update = optimiser.update(config, vector('p'), vector('g'), Object.fromEntries(names.map((name) => [name, vector(name)])), scalars);
  expect(Object.keys(update.moments)).toEqual(names);
  let state = [Array.from(start), ...names.map(() => Array<number>(SIZE).fill(0))];
  return gradients.map((g, t) => {
    const feeds = Object.fromEntries([['p', ...names].map((name, i) => [name, state[i]!]), [['g', g]]].flat().map(([name, data]) => [name, { dims: [SIZE], data: data as number[] }]));
    const fed = Object.fromEntries(optimiser.scalars(config, t + 1, rate(t)).map((value, i) => [`scalar ${i}`, { dims: [], data: [value] }]));
    state = evaluate([update.parameters, ...names.map((name) => update.moments[name]!)], { ...feeds, ...fed }).map(({ data }) => Array.from(data));
    return state[0]!;
  });
}

type Rule = (p: number, gradients: readonly number[], t: number, kept: number[]) => number;
/** Each parameter on its own, by the formulas of torch's documentation; `kept` are its moments. */
const theirs = (rule: Rule): number[][] => {
  const kept = Array.from({ length: SIZE }, () => [] as number[]);
  let p = Array.from(start, Number);
  return gradients.map((g, t) => {
    p = p.map((x, i) => rule(x, [g[i]!], t, kept[i]!));
    return p;
  });
};
const adamRule = (b1: number, b2: number, epsilon: number): Rule => (p, [g], t, kept) => {
  kept[0] = b1 * (kept[0] ?? 0) + (1 - b1) * g!;
  kept[1] = b2 * (kept[1] ?? 0) + (1 - b2) * g! * g!;
  const m = kept[0] / (1 - b1 ** (t + 1)), v = kept[1] / (1 - b2 ** (t + 1));
  return p - (rate(t) * m) / (Math.sqrt(v) + epsilon);
};

/** Torch's weight decay: a multiple of the parameter joins the gradient before anything else. */
const penalised = (share: number, rule: Rule): Rule => (p, [g], t, kept) => rule(p, [g! + share * p], t, kept);
const adagradRule = (start: number, epsilon: number): Rule => (p, [g], t, kept) => {
  kept[0] = (kept[0] ?? start) + g! * g!;
  return p - (rate(t) * g!) / (Math.sqrt(kept[0]) + epsilon);
};
const momentumRule = (momentum: number): Rule => (p, [g], t, kept) => {
  kept[0] = t === 0 ? g! : momentum * kept[0]! + g!;
  return p - rate(t) * kept[0];
};

test.each<[string, Optimiser, object, Rule]>([
  ['adagrad', adagrad, {}, adagradRule(0, 1e-10)],
  ['adagrad from an initial accumulator', adagrad, { initial_accumulator: 0.3, epsilon: 0.01 }, adagradRule(0.3, 0.01)],
  ['adagrad with weight decay', adagrad, { weight_decay: 0.2 }, penalised(0.2, adagradRule(0, 1e-10))],
  ['adam with weight decay', adam, { weight_decay: 0.2 }, penalised(0.2, adamRule(0.9, 0.999, 1e-8))],
  ['adam without a first moment, with weight decay', adam, { betas: [0, 0.99], weight_decay: 0.2 }, penalised(0.2, adamRule(0, 0.99, 1e-8))],
  ['sgd with weight decay', sgd, { weight_decay: 0.2 }, penalised(0.2, (p, [g], t) => p - rate(t) * g!)],
  ['sgd with momentum and weight decay', sgd, { momentum: 0.9, weight_decay: 0.2 }, penalised(0.2, momentumRule(0.9))],
  ['adam', adam, {}, adamRule(0.9, 0.999, 1e-8)],
  ['adam with an epsilon that matters', adam, { betas: [0.5, 0.9], epsilon: 0.1 }, adamRule(0.5, 0.9, 0.1)],
  ['adam without a first moment', adam, { betas: [0, 0.99] }, adamRule(0, 0.99, 1e-8)],
  ['rmsprop', rmsprop, { alpha: 0.9, epsilon: 1e-3 }, (p, [g], t, kept) => {
    kept[0] = 0.9 * (kept[0] ?? 0) + 0.1 * g! * g!;
    return p - (rate(t) * g!) / (Math.sqrt(kept[0]) + 1e-3);
  }],
  ['sgd', sgd, {}, (p, [g], t) => p - rate(t) * g!],
  ['sgd with momentum', sgd, { momentum: 0.9 }, momentumRule(0.9)],
])(`%s takes torch's steps (seed ${seed})`, (_, optimiser, config, rule) => {
  const expected = theirs(rule);
  ours(optimiser, config).forEach((parameters, t) => { parameters.forEach((p, i) => { expect(p).toBeCloseTo(expected[t]![i]!, 10); }); });
});

test('only what a rule needs is kept, and defaults are torch\'s', () => {
  const moments = (optimiser: Optimiser, raw: object) => optimiser.moments(optimiser.config.parse({ type: optimiser.name, lr: 1, ...raw }));
  expect([moments(adagrad, {}), moments(adam, {}), moments(adam, { betas: [0, 0.9] }), moments(rmsprop, {}), moments(sgd, {}), moments(sgd, { momentum: 0.5 })])
    .toEqual([['sum'], ['moment1', 'moment2'], ['moment2'], ['square'], [], ['velocity']]);
  expect(adam.config.parse({ type: 'adam', lr: 1 })).toMatchObject({ betas: [0.9, 0.999], epsilon: 1e-8, weight_decay: 0 });
  expect(adagrad.config.parse({ type: 'adagrad', lr: 1 })).toMatchObject({ initial_accumulator: 0, epsilon: 1e-10, weight_decay: 0 });
  expect(sgd.config.parse({ type: 'sgd', lr: 1 })).toMatchObject({ momentum: 0, weight_decay: 0 });
  expect(rmsprop.config.parse({ type: 'rmsprop', lr: 1 })).toMatchObject({ alpha: 0.99, epsilon: 1e-8 });
});
