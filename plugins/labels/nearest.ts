/** @file `label/nearest`: clusters of features that do not change, as labels (Logo-GAN; Sage et al., 2018). */
import { z } from 'zod';
import { compiledOnce, defineNode, nearestCentre, program, type Services } from '../../engine/index.js';

const closest = (services: Services, k: number, width: number) => compiledOnce(services.host, `nearest of ${k} centres in ${width} numbers`, () =>
  program('nearest centre', {}, { feature: { dtype: 'f32', dims: ['N', width] }, centres: { dtype: 'f32', dims: [k, width] } } as const, (_, { feature, centres }) => ({
    outputs: { label: nearestCentre(feature, centres) },
  })));

export const nearest = defineNode({
  name: 'label/nearest',
  about: 'The nearest centre of each vector: the cluster of an image in the features of any extractor.',
  config: z.strictObject({}),
  inputs: { feature: 'f32[N,F]', centres: { latest: 'f32[K,F]' } },
  outputs: { label: 'i64<K>[N]' },
  start: () => ({
    state: {},
    async step(state, { feature, centres }, { services }) {
      const [k, width] = centres.dims as readonly [number, number], run = await closest(services, k, width);
      return { state, outputs: { label: (await run.run({}, { feature, centres })).outputs.label! } };
    },
  }),
});
