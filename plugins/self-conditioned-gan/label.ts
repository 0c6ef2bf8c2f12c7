/** @file `self-conditioned/label`: the cluster of every image of a batch, by the nearest centre among the frozen discriminator's features. */
import { z } from 'zod';
import {
  defineNode, discriminatorProgram, executableOf, fetched, gather, nearestCentre, rows, tensor,
  type Clusters, type NetworkPair, type Tensorial,
} from '../../engine/index.js';

/** The nearest of `k` centres in `width` features, then the matching's label of it. */
const nearestProgram = (k: number, width: number) => (pair: NetworkPair) =>
  discriminatorProgram('nearest centre', pair, { centres: { dtype: 'f32', dims: [k, width] }, mapping: { dtype: 'i64', dims: [k] } } as const, (judge, { centres, mapping }) => ({
    label: gather(mapping, nearestCentre(judge().feature, centres)),
  }));

export const label = defineNode({
  name: 'self-conditioned/label',
  about: 'Cluster of each image: nearest centre in the features of the discriminator that the clusters were made with.',
  config: z.strictObject({ batch: z.int().positive().default(1000).describe('images in one call; bounds the memory') }),
  inputs: { image: 'f32[N,...S]', clusters: { latest: '@clusters[K,...S]' } },
  outputs: { label: 'i64<K>[N]' },
  start: ({ batch }) => ({
    state: {},
    async step(state, inputs, { services, signal }) {
      const { weights, centres, mapping } = inputs.clusters as Clusters;
      const [k, width] = centres.dims as readonly [number, number];
      const run = await executableOf(services, weights.networks, `nearest of ${k} centres in ${width} features`, nearestProgram(k, width));
      const nearest = async (image: Tensorial) => (await run.run(weights.state, { image, centres, mapping })).outputs.label!;
      const count = inputs.image.dims[0]!;
      if (count <= batch) return { state, outputs: { label: await nearest(inputs.image) } };
      const images = await fetched(services, inputs.image), labels = new BigInt64Array(count);
      for (let from = 0; from < count; from += batch) {
        signal.throwIfAborted();
        const part = await fetched(services, await nearest(rows(images, from, Math.min(count, from + batch))));
        labels.set(part.data as BigInt64Array, from);
      }
      return { state, outputs: { label: tensor('i64', [count], labels) } };
    },
  }),
});
