/** @file `ic-gan/sheet`: instances and what the generator makes of them, side by side. */
import { z } from 'zod';
import { defineNode, drawLatents, fetched, generate, int64, sideBySide, type Dataset, type Features, type Neighbours, type Picture, type Weights } from '../../engine/index.js';

/** Columns after the instance that show its neighbours, where they are wired. */
const NEIGHBOURS_SHOWN = 2;

export const sheet = defineNode({
  name: 'ic-gan/sheet',
  about: 'A row for each of a few instances: its image, two of its neighbours if these are wired, and samples of the generator; the same instances and latents every time.',
  config: z.strictObject({
    instances: z.int().min(1).default(8).describe('Rows.'),
    samples: z.int().min(1).default(6).describe('Samples in a row.'),
    title: z.string().default('instances, neighbours, samples'),
  }),
  inputs: {
    now: '@tick', dataset: { latest: '@dataset[L,...S]' }, features: { latest: '@features[M,F]' }, 'neighbours?': { latest: '@neighbours[M,F]' }, weights: { latest: '@weights[...S]' },
  },
  outputs: { picture: '@picture' },
  start: ({ instances, samples, title }, { random }) => ({
    state: {},
    async step(state, inputs, { services }) {
      const dataset = inputs.dataset as Dataset, features = inputs.features as Features, weights = inputs.weights as Weights;
      const neighbours = inputs.neighbours as Neighbours | undefined;
      const shown = random('instances').permutation(dataset.size).slice(0, Math.min(instances, dataset.size)), rows = shown.length;
      const read = async (indices: Int32Array) => (await dataset.read(indices, random('augmentation'))).image;
      const repeated = Int32Array.from({ length: rows * samples }, (_, i) => shown[Math.floor(i / samples)]!);
      const made = generate(services, weights, drawLatents(weights.networks, random('z'), repeated.length), {
        vector: await features.read(repeated), label: int64(Array.from(repeated, (i) => dataset.labels[i]!)),
      });
      const near = neighbours && Int32Array.from({ length: rows * NEIGHBOURS_SHOWN }, (_, i) => neighbours.index[shown[Math.floor(i / NEIGHBOURS_SHOWN)]! * neighbours.k + (i % NEIGHBOURS_SHOWN) % neighbours.k]!);
      const parts = [
        { images: await read(shown), columns: 1 }, ...(near ? [{ images: await read(near), columns: NEIGHBOURS_SHOWN }] : []),
        { images: await fetched(services, await made), columns: samples },
      ];
      const picture: Picture = { kind: 'images', title, ...sideBySide(parts, rows) };
      return { state, outputs: { picture } };
    },
  }),
});
