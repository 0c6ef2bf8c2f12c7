/** @file `data/draw`: a sample of a data set when asked, for clustering and evaluation. */
import { z } from 'zod';
import { defineNode, int64, type Dataset } from '../../engine/index.js';

const Config = z.strictObject({ count: z.int().min(1).describe('Images in each draw.') });

export const draw = defineNode({
  name: 'data/draw',
  about: 'On each tick, fresh draws where the data has a known distribution, else a random subset without replacement, and which images they are.',
  config: Config,
  inputs: { now: '@tick', dataset: { latest: '@dataset[L,...S]' } },
  outputs: { image: 'f32[N,...S]', label: 'i64<L>[N]', index: 'i64[N]' },
  dims: ({ count }) => ({ N: count }),
  start: ({ count }) => ({
    state: {},
    async step(state, inputs, context) {
      const dataset = inputs.dataset as Dataset;
      const random = context.random('draw');
      if (dataset.fresh) return { state, outputs: { ...dataset.fresh(count, random) } };
      // A sample larger than the data set goes round again.
      const order = random.permutation(dataset.size);
      const indices = Int32Array.from({ length: count }, (_, i) => order[i % dataset.size]!);
      return { state, outputs: { ...(await dataset.read(indices, context.random('augmentation'))), index: int64(indices) } };
    },
  }),
});
