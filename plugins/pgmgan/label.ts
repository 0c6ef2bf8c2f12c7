/** @file `partition/label`: the part of every image. */
import { z } from 'zod';
import { argMax, compiledOnce, defineNode, fetched, partition, program, rows, tensor, type Partitioner, type Services, type Tensorial } from '../../engine/index.js';

const largest = (services: Services, k: number) => compiledOnce(services.host, `largest of ${k}`, () =>
  program('largest logit', {}, { logit: { dtype: 'f32', dims: ['N', k] } } as const, (_state, { logit }) => ({ outputs: { label: argMax(logit, 1) } })));

/** The part of each image, i64[N], `batch` images at a time. */
export async function partsOf(services: Services, partitioner: Partitioner, image: Tensorial, batch: number, signal: AbortSignal): Promise<BigInt64Array> {
  const images = await fetched(services, image), count = images.dims[0]!, labels = new BigInt64Array(count), run = await largest(services, partitioner.network.parts);
  for (let from = 0; from < count; from += batch) {
    signal.throwIfAborted();
    const { logit } = await partition(services, partitioner, rows(images, from, Math.min(count, from + batch)));
    const { label } = (await run.run({}, { logit })).outputs;
    labels.set((await fetched(services, label!)).data as BigInt64Array, from);
  }
  return labels;
}

export const label = defineNode({
  name: 'partition/label',
  about: 'The part of each image: the first of the partitioner\'s largest logits.',
  config: z.strictObject({ batch: z.int().positive().default(1000).describe('images in one call; bounds the memory') }),
  inputs: { image: 'f32[N,...S]', partitioner: { latest: '@partitioner[K,...S]' } },
  outputs: { label: 'i64<K>[N]' },
  start: ({ batch }) => ({
    state: {},
    async step(state, { image, partitioner }, { services, signal }) {
      return { state, outputs: { label: tensor('i64', [image.dims[0]!], await partsOf(services, partitioner as Partitioner, image, batch, signal)) } };
    },
  }),
});
