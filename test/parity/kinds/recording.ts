/** @file Adam that also keeps the gradient it was given, as a moment named `gradient`. */
import type { Optimiser } from '../../../engine/training/optimiser.js';
import { adam } from '../../../plugins/optimisers/adam.js';

export const recording: Optimiser = {
  ...adam, name: 'recording adam',
  moments: (config) => [...adam.moments(config), 'gradient'],
  update: (config, parameters, gradient, { gradient: _, ...moments }, scalars) => {
    const { parameters: next, moments: after } = adam.update(config, parameters, gradient, moments, scalars);
    return { parameters: next, moments: { ...after, gradient } };
  },
};
