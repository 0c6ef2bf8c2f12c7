/** @file `data/stacked-digits`: stacked MNIST, three random digits as the channels of one image; 1000 modes (Metz et al. 2017). */
import { z } from 'zod';
import { defineNode, int64, transient, type Dataset } from '../../engine/index.js';
import { serve } from './batches.js';
import { contentKey } from './content-key.js';
import { source } from './idx.js';
import { readDigits } from './idx-file.js';
import { gatherPlanes, resizeAll } from './pixels.js';

const Config = z.strictObject({
  ...source,
  resolution: z.int().min(1).default(32).describe('Digits are resized once (bilinear, antialiased, rounded to 8 bits).'),
  count: z.int().min(1).default(100_000).describe('Triples, drawn once with the run\'s seed.'),
  batch: z.int().min(1).default(64),
});

export const stackedDigits = defineNode({
  name: 'data/stacked-digits',
  about: 'Three random digits as red, green and blue, in [-1,1]; the label is 100 a + 10 b + c.',
  config: Config,
  inputs: {},
  outputs: { image: 'f32[B,3,R,R]', label: 'i64<1000>[B]', index: 'i64[B]', dataset: '@dataset[1000,3,R,R]' },
  dims: ({ batch, resolution }) => ({ B: batch, R: resolution }),
  async start({ path, split, checksum, resolution, count, batch }, context) {
    const { services } = context;
    const digits = await readDigits(services.resolve(path), split, checksum, 10);
    const pixels = await resizeAll(digits.pixels, digits.count, digits.size, resolution, (done) => services.progress(`${context.node}: resizing`, done, digits.count));
    const triples = context.random('triples').integers(3 * count, digits.count);
    const digit = (triple: number, channel: number) => digits.labels[triples[3 * triple + channel]!]!;
    const labels = Int32Array.from({ length: count }, (_, i) => 100 * digit(i, 0) + 10 * digit(i, 1) + digit(i, 2));
    const dataset: Dataset = {
      [transient]: true,
      name: `stacked ${path}`,
      key: contentKey(pixels, triples),
      size: count,
      image: { dtype: 'f32', dims: [3, resolution, resolution] },
      classes: 1000,
      labels,
      read: async (indices) => ({
        image: await gatherPlanes(pixels, Int32Array.from({ length: 3 * indices.length }, (_, i) => triples[3 * indices[Math.floor(i / 3)]! + (i % 3)]!),
          resolution, [indices.length, 3, resolution, resolution]),
        label: int64(Array.from(indices, (i) => labels[i]!)),
      }),
    };
    return serve(dataset, batch, context);
  },
});
