/** @file Stochastic gradient descent. */
import { z } from 'zod';
import { add, defineOptimiser, mul, sub, type Update } from '../../engine/index.js';
import { decay, decayed, rate, weightDecay } from './settings.js';

/** Stochastic gradient descent with (heavy-ball) momentum, as in torch: the velocity is a plain sum of gradients. */
export const sgd = defineOptimiser({
  name: 'sgd',
  about: 'Stochastic gradient descent with momentum.',
  config: z.strictObject({ type: z.literal('sgd'), lr: rate, momentum: decay.default(0), weight_decay: weightDecay }),
  moments: ({ momentum }) => (momentum === 0 ? [] : ['velocity']),
  scalars: (_config, _step, lr) => [lr],
  update: ({ momentum, weight_decay }, parameters, gradient, { velocity }, [lr]) => {
    const g = decayed(gradient, parameters, weight_decay), v = velocity ? add(mul(velocity, momentum), g) : g;
    const next: Update['moments'] = velocity ? { velocity: v } : {};
    return { parameters: sub(parameters, mul(v, lr!)), moments: next };
  },
});
