/** @file `data/augment`: what published loaders do to a batch of images on the way to the networks. */
import { z } from 'zod';
import { defineNode, fetched, tensor } from '../../engine/index.js';

const Config = z.strictObject({
  flip: z.boolean().default(true).describe('Left to right, every other image.'),
  noise: z.number().min(0).default(0).describe('Uniform noise in [0, this) on every value. Published code has 1/128, by which neighbouring levels of 8 bits in [-1,1] lie apart.'),
});

export const augment = defineNode({
  name: 'data/augment',
  about: 'Random flips of images, and noise that blurs their levels, as the loaders of Self-Conditioned GAN and PGMGAN have them.',
  config: Config,
  inputs: { image: 'f32[B,C,H,W]' },
  outputs: { image: 'f32[B,C,H,W]' },
  start: ({ flip, noise }) => ({
    state: {},
    async step(state, inputs, context) {
      const { dims, data } = await fetched(context.services, inputs.image), [count, , , width] = dims as readonly [number, number, number, number];
      const each = data.length / count, out = Float32Array.from(data as Float32Array);
      const flips = flip ? context.random('flip').uniform(count) : undefined, above = noise ? context.random('noise').uniform(data.length) : undefined;
      for (let i = 0; i < count; i++) {
        if (flips && flips[i]! < 0.5) for (let row = i * each; row < (i + 1) * each; row += width) out.subarray(row, row + width).reverse();
      }
      if (above) for (let i = 0; i < out.length; i++) out[i]! += noise * above[i]!;
      return { state, outputs: { image: tensor('f32', dims, out) } };
    },
  }),
});
