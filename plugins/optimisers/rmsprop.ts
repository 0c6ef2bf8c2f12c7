/** @file RMSprop. */
import { z } from 'zod';
import { add, defineOptimiser, div, mul, sqrt, square, sub } from '../../engine/index.js';
import { decay, rate } from './settings.js';

/** Tieleman and Hinton (2012), as in torch: the root of the averaged square plus epsilon divides the gradient. */
export const rmsprop = defineOptimiser({
  name: 'rmsprop',
  about: 'RMSprop (Tieleman and Hinton, 2012).',
  config: z.strictObject({ type: z.literal('rmsprop'), lr: rate, alpha: decay.default(0.99), epsilon: z.number().positive().default(1e-8) }),
  moments: () => ['square'],
  scalars: (_config, _step, lr) => [lr],
  update: ({ alpha, epsilon }, parameters, gradient, moments, [lr]) => {
    const v = add(mul(moments.square!, alpha), mul(square(gradient), 1 - alpha));
    return { parameters: sub(parameters, mul(div(gradient, add(sqrt(v), epsilon)), lr!)), moments: { square: v } };
  },
});
