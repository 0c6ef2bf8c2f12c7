/** @file Adam. */
import { z } from 'zod';
import { add, defineOptimiser, div, mul, sqrt, square, sub } from '../../engine/index.js';
import { decay, decayed, rate, weightDecay } from './settings.js';

/**
 * Kingma and Ba (2015), bias corrected. The moments are kept as decayed sums, which are the averages of the paper but for constant factors; step size and epsilon
 * carry these and the bias corrections, so that the vectors are touched as rarely as possible.
 */
export const adam = defineOptimiser({
  name: 'adam',
  about: 'Adam with bias correction (Kingma and Ba, 2015).',
  config: z.strictObject({
    type: z.literal('adam'), lr: rate, betas: z.tuple([decay, decay]).default([0.9, 0.999]), epsilon: z.number().positive().default(1e-8), weight_decay: weightDecay,
  }),
  // With beta1 = 0 the first moment is the gradient itself.
  moments: ({ betas }) => (betas[0] === 0 ? ['moment2'] : ['moment1', 'moment2']),
  scalars: ({ betas: [b1, b2], epsilon }, step, lr) => {
    const root = Math.sqrt((1 - b2 ** step) / (1 - b2));
    return [(lr * root * (1 - b1)) / (1 - b1 ** step), epsilon * root];
  },
  update: ({ betas: [b1, b2], weight_decay }, parameters, gradient, { moment1, moment2 }, [size, epsilon]) => {
    const g = decayed(gradient, parameters, weight_decay), m = moment1 ? add(mul(moment1, b1), g) : g;
    const v = add(mul(moment2!, b2), square(g));
    return {
      parameters: sub(parameters, mul(div(m, add(sqrt(v), epsilon!)), size!)),
      moments: { ...(moment1 ? { moment1: m } : {}), moment2: v },
    };
  },
});
