/** @file `partition/batches`: labelled images again and again in a new order, from a sample that stays. */
import { z } from 'zod';
import { defineNode, fetched, inputError, rowsAt, type Random } from '../../engine/index.js';

/** Row numbers of the `step`-th batch: every epoch goes through all of `size` in an order of its own; what is left over at its end is not used. */
function rowsOf(size: number, batch: number, step: number, random: (epoch: number) => Random): Int32Array {
  const perEpoch = Math.floor(size / batch), epoch = Math.floor(step / perEpoch), from = (step % perEpoch) * batch;
  return random(epoch).permutation(size).slice(from, from + batch);
}

export const batches = defineNode({
  name: 'partition/batches',
  about: 'Batches of a labelled sample, epoch by epoch, one on each tick.',
  config: z.strictObject({ batch: z.int().positive().describe('images in each') }),
  inputs: { now: '@tick', image: { latest: 'f32[N,...S]' }, label: { latest: 'i64<K>[N]' } },
  outputs: { image: 'f32[B,...S]', label: 'i64<K>[B]' },
  dims: ({ batch }) => ({ B: batch }),
  start: ({ batch }, context) => ({
    state: { step: 0 },
    async step({ step }, inputs, { services, node }) {
      const [image, label] = await Promise.all([fetched(services, inputs.image), fetched(services, inputs.label)]), size = image.dims[0]!;
      if (size < batch) throw inputError(`nodes.${node}.config.batch`, `${batch} images a batch are wanted; the sample has ${size}`);
      const chosen = rowsOf(size, batch, step, (epoch) => context.random(`epoch ${epoch}`));
      return { state: { step: step + 1 }, outputs: { image: rowsAt(image, chosen), label: rowsAt(label, chosen) } };
    },
  }),
});
