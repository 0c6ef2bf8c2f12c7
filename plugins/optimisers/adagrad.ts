/** @file Adagrad. */
import { z } from 'zod';
import { add, defineOptimiser, div, mul, sqrt, square, sub } from '../../engine/index.js';
import { decayed, rate, weightDecay } from './settings.js';

/**
 * Duchi, Hazan and Singer (2011), as in torch: the root of the sum of all squared gradients plus epsilon divides the gradient. The sum is kept without the
 * `initial_accumulator` that it starts from.
 */
export const adagrad = defineOptimiser({
  name: 'adagrad',
  about: 'Adagrad (Duchi, Hazan and Singer, 2011).',
  config: z.strictObject({
    type: z.literal('adagrad'), lr: rate, initial_accumulator: z.number().min(0).default(0), epsilon: z.number().positive().default(1e-10), weight_decay: weightDecay,
  }),
  moments: () => ['sum'],
  scalars: (_config, _step, lr) => [lr],
  update: ({ initial_accumulator, epsilon, weight_decay }, parameters, gradient, moments, [lr]) => {
    const g = decayed(gradient, parameters, weight_decay), sum = add(moments.sum!, square(g));
    return { parameters: sub(parameters, mul(div(g, add(sqrt(add(sum, initial_accumulator)), epsilon)), lr!)), moments: { sum } };
  },
});
