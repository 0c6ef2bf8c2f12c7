/** @file `networks/probe`: what a frozen copy of the discriminator sees in a fixed sample of the data. */
import { z } from 'zod';
import { defineNode, int64, type Dataset, type Resident, type Weights } from '../../engine/index.js';
import { featuresOf } from './features.js';

export const probe = defineNode({
  name: 'networks/probe',
  about: 'Features of the discriminator, frozen at this moment, for the same sample of the data set every time, and which images these are.',
  config: z.strictObject({
    images: z.int().positive().describe('size of the sample; the first images of one shuffled pass, kept for the entire run'),
    batch: z.int().positive().default(100).describe('images in one call; bounds the memory'),
  }),
  inputs: { now: '@tick', dataset: { latest: '@dataset[L,...S]' }, weights: { previous: '@weights[...S]' } },
  outputs: { feature: 'f32[N,F]', weights: '@weights[...S]', label: 'i64<L>[N]', index: 'i64[N]' },
  start: ({ images, batch }, context) => ({
    state: {},
    async step(state, inputs, { services, signal, wave }) {
      const dataset = inputs.dataset as Dataset, weights = inputs.weights as Weights;
      const indices = context.random('sample').permutation(dataset.size).subarray(0, Math.min(images, dataset.size));
      const run = await featuresOf(services, weights);
      const labels = new BigInt64Array(indices.length);
      async function* pieces(): AsyncGenerator<Resident> {
        for (let from = 0; from < indices.length; from += batch) {
          signal.throwIfAborted();
          // The augmentation is drawn by the place in the sample, not by the wave: the sample stays the same to the last pixel.
          const { image, label } = await dataset.read(indices.slice(from, from + batch), context.random(`augmentation ${from}`));
          const { outputs } = await run.run(weights.state, { image }, { keep: ['feature'] });
          labels.set(label.data as BigInt64Array, from);
          services.progress(`features at wave ${wave}`, Math.min(from + batch, indices.length), indices.length);
          yield outputs.feature as Resident;
        }
      }
      const feature = await services.host.stack(indices.length, pieces());
      return { state, outputs: { feature, weights, label: { dtype: 'i64', dims: [indices.length], data: labels }, index: int64(indices) } };
    },
  }),
});
