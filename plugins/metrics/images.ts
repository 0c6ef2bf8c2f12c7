/** @file `picture/images`: a grid of images for the journal. */
import { z } from 'zod';
import { defineNode, fetched, tensor, type Picture } from '../../engine/index.js';

export const images = defineNode({
  name: 'picture/images',
  about: 'Shows the first images of a batch as a grid.',
  config: z.strictObject({
    title: z.string().default('images'),
    count: z.int().min(1).default(64).describe('Images shown.'),
    columns: z.int().min(1).default(8),
  }),
  inputs: { image: 'f32[N,C,R,R]' },
  outputs: { picture: '@picture' },
  start: ({ title, count, columns }) => ({
    state: {},
    async step(state, { image }, { services }) {
      const all = await fetched(services, image);
      const [n = 0, ...rest] = all.dims;
      const shown = Math.min(n, count), size = rest.reduce((a, b) => a * b, 1);
      // A copy: the picture must not keep the whole batch alive.
      const picture: Picture = { kind: 'images', title, columns, images: tensor('f32', [shown, ...rest], (all.data as Float32Array).slice(0, shown * size)) };
      return { state, outputs: { picture } };
    },
  }),
});
