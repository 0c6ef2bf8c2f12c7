/** @file `self-conditioned/label`: the cluster of every image of a batch, by the nearest centre among the frozen discriminator's features. */
import { z } from 'zod';
import {
  argMin, defineNode, discriminatorProgram, executableOf, gather, matmul, mul, square, sub, sum, type Clusters, type Executable, type NetworkPair, type Tensorial,
} from '../../engine/index.js';

/** |x - c|^2 without |x|^2, which is the same for every centre. */
const nearestProgram = (pair: NetworkPair) =>
  discriminatorProgram('nearest centre', pair, { centres: { dtype: 'f32', dims: ['K', 'F'] }, mapping: { dtype: 'i64', dims: ['K'] } } as const, (judge, { centres, mapping }) => ({
    label: gather(mapping, argMin(sub(sum(square(centres), [1]), mul(matmul(judge().feature, centres, { transposeB: true }), 2)), 1)),
  }));

/** Labels i64[N] of images f32[N,…]: nearest centre under the frozen copy, then the matching's label of it. */
export async function labelsOf(run: Executable, { weights, centres, mapping }: Clusters, image: Tensorial): Promise<Tensorial> {
  return (await run.run(weights.state, { image, centres, mapping })).outputs.label!;
}

export const label = defineNode({
  name: 'self-conditioned/label',
  about: 'Cluster of each image: nearest centre in the features of the discriminator that the clusters were made with.',
  config: z.strictObject({}),
  inputs: { image: 'f32[N,...S]', clusters: { latest: '@clusters[K]' } },
  outputs: { label: 'i64<K>[N]' },
  start: () => ({
    state: {},
    async step(state, inputs, { services }) {
      const clusters = inputs.clusters as Clusters;
      const run = await executableOf(services, clusters.weights.networks, 'nearest centre', nearestProgram);
      return { state, outputs: { label: await labelsOf(run, clusters, inputs.image) } };
    },
  }),
});
