/** @file `metrics/classes`: which classes a classifier finds in images, and how evenly. */
import { z } from 'zod';
import { defineNode, fetched } from '../../engine/index.js';
import { foundIn } from './divergence.js';

export const classes = defineNode({
  name: 'metrics/classes',
  about: 'How many classes a classifier finds in images, and how far their histogram is from the uniform one (reverse KL), by the largest of its class scores.',
  config: z.strictObject({}),
  inputs: { score: 'f32[N,K]' },
  outputs: { metrics: '@metrics' },
  start: () => ({
    state: {},
    async step(state, { score }, { services }) {
      const { dims: [count = 0, width = 0], data } = await fetched(services, score), histogram = new Float64Array(width);
      for (let i = 0; i < count; i++) {
        let best = 0;
        for (let c = 1; c < width; c++) if (data[i * width + c]! > data[i * width + best]!) best = c;
        histogram[best]! += 1;
      }
      return { state, outputs: { metrics: foundIn(histogram) } };
    },
  }),
});
