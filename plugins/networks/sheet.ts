/** @file `networks/sheet`: real images of a label, and what the generator makes for it, side by side. */
import { z } from 'zod';
import { defineNode, drawLatents, fetched, generate, indicesBy, int64, rowsAt, sideBySide, spread, type Picture, type Weights } from '../../engine/index.js';

/** A place without an image is grey. */
const BLANK = -1;

export const sheet = defineNode({
  name: 'networks/sheet',
  about: 'A row for each of a few labels (classes, clusters or parts): real images of it, set apart, and samples of the generator for it, from the same latents every time.',
  config: z.strictObject({
    labels: z.int().min(1).default(8).describe('rows at most; labels that the batch has, spread evenly from the one with the most images to the one with the fewest'),
    real: z.int().min(1).default(5).describe('real images in a row'),
    samples: z.int().min(1).default(5).describe('samples in a row'),
    title: z.string().default('real images, samples'),
  }),
  inputs: { image: 'f32[N,C,H,W]', label: 'i64<K>[N]', weights: { latest: '@weights[C,H,W]' } },
  outputs: { picture: '@picture' },
  start: ({ labels, real, samples, title }, { random }) => ({
    state: {},
    async step(state, inputs, { services }) {
      const [image, label] = await Promise.all([fetched(services, inputs.image), fetched(services, inputs.label)]), weights = inputs.weights as Weights;
      const rows = spread([...indicesBy(label.data as BigInt64Array)].sort(([a, those], [b, others]) => others.length - those.length || Number(a) - Number(b)), labels);
      const repeated = int64(rows.flatMap(([label]) => Array<number>(samples).fill(Number(label))));
      const made = await fetched(services, await generate(services, weights, drawLatents(weights.networks, random('z'), repeated.data.length), { label: repeated }));
      const shown = rows.flatMap(([, members]) => Array.from({ length: real }, (_, i) => members[i] ?? BLANK));
      const picture: Picture = {
        kind: 'images', title, apart: real,
        ...sideBySide([{ images: rowsAt(image, shown), columns: real }, { images: made, columns: samples }], rows.length),
      };
      return { state, outputs: { picture } };
    },
  }),
});
