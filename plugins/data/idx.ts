/** @file `data/idx`: MNIST, Fashion-MNIST and whatever else comes as IDX files. */
import { z } from 'zod';
import { defineNode, int64, transient, type Dataset } from '../../engine/index.js';
import { serve } from './batches.js';
import { contentKey } from './content-key.js';
import { readDigits } from './idx-file.js';
import { gatherPlanes, resizeAll } from './pixels.js';

/** What every loader of IDX files is told. */
export const source = {
  path: z.string().describe('A folder with the usual file names, or the image file.'),
  split: z.enum(['train', 'test']).default('train'),
  checksum: z.enum(['known', 'any']).default('any').describe('"known": the files must be MNIST or Fashion-MNIST, byte for byte. Sizes and gzip checksums are verified always.'),
};

const Config = z.strictObject({
  ...source,
  resolution: z.int().min(1).default(28).describe('Images of another size are resized (bilinear, antialiased, rounded to 8 bits).'),
  classes: z.int().min(1).max(256).default(10),
  batch: z.int().min(1).default(64),
});

export const idx = defineNode({
  name: 'data/idx',
  about: 'Labelled grey images from IDX files (MNIST, Fashion-MNIST), in [-1,1].',
  config: Config,
  inputs: {},
  outputs: { image: 'f32[B,1,R,R]', label: 'i64<L>[B]', index: 'i64[B]', dataset: '@dataset[L,1,R,R]' },
  dims: ({ batch, resolution, classes }) => ({ B: batch, R: resolution, L: classes }),
  async start({ path, split, checksum, resolution, classes, batch }, context) {
    const { services } = context;
    const digits = await readDigits(services.resolve(path), split, checksum, classes);
    const pixels = await resizeAll(digits.pixels, digits.count, digits.size, resolution, (done) => services.progress(`${context.node}: resizing`, done, digits.count));
    const dataset: Dataset = {
      [transient]: true,
      name: path,
      key: contentKey(pixels, digits.labels),
      size: digits.count,
      image: { dtype: 'f32', dims: [1, resolution, resolution] },
      classes,
      labels: Int32Array.from(digits.labels),
      read: async (indices) => ({
        image: await gatherPlanes(pixels, indices, resolution, [indices.length, 1, resolution, resolution]),
        label: int64(Array.from(indices, (i) => digits.labels[i]!)),
      }),
    };
    return serve(dataset, batch, context);
  },
});
