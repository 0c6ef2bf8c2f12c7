/** @file `sampler/pairs`: an image and one of its neighbours, which a partitioner is to put in the same part (SCAN; section 2.3 of PGMGAN's facts). */
import { z } from 'zod';
import { defineNode, fetched, inputError, type Dataset, type Neighbours } from '../../engine/index.js';

export const pairs = defineNode({
  name: 'sampler/pairs',
  about: 'Each image of a batch beside a random one of its neighbours.',
  config: z.strictObject({ self: z.boolean().default(true).describe('count an image among its own neighbours, as SCAN does: k neighbours and itself, all alike') }),
  inputs: { index: 'i64[B]', dataset: { latest: '@dataset[L,...S]' }, neighbours: { latest: '@neighbours[M,F]' } },
  outputs: { image: 'f32[B,...S]', neighbour: 'f32[B,...S]', label: 'i64<L>[B]' },
  start: ({ self }) => ({
    state: {},
    async step(state, inputs, { node, random, services }) {
      const dataset = inputs.dataset as Dataset, { k, index, features } = inputs.neighbours as Neighbours;
      if (features.size !== dataset.size) throw inputError(`nodes.${node}.in.neighbours`, `they are of ${features.size} images, the data set has ${dataset.size}`);
      const own = Int32Array.from((await fetched(services, inputs.index)).data as BigInt64Array, Number);
      const which = random('neighbour').integers(own.length, self ? k + 1 : k), near = own.map((i, n) => (which[n] === k ? i : index[i * k + which[n]!]!));
      const [{ image, label }, { image: neighbour }] = await Promise.all([dataset.read(own, random('augmentation')), dataset.read(near, random('augmentation of neighbours'))]);
      return { state, outputs: { image, label, neighbour } };
    },
  }),
});
