/** @file `data/cifar`: CIFAR-10 and CIFAR-100 from their binary batches. */
import { setImmediate as pause } from 'node:timers/promises';
import { z } from 'zod';
import { defineNode, exists, hashFile, int64, tensor, transient, type Dataset, type TensorValue } from '../../engine/index.js';
import { serve } from './batches.js';
import { CIFAR_SETS, classesOf, findBatches, IMAGE_BYTES, readBatches, SIDE } from './cifar-file.js';
import { contentKey } from './content-key.js';
import { toUnit } from './pixels.js';
import { createResize, planar, RESAMPLERS, type Resampler } from './resize.js';

const Config = z.strictObject({
  path: z.string().describe('The folder of the binary version. Batches that are not there are done without.'),
  set: z.enum(CIFAR_SETS).default('cifar-10').describe('Of CIFAR-100 the 100 fine labels, or the 20 coarse ones.'),
  split: z.enum(['train', 'test']).default('train'),
  resolution: z.int().min(1).default(32).describe('Images are resized when they are read.'),
  resampler: z.enum(RESAMPLERS).default('bilinear').describe('Antialiased, rounded to 8 bits: what Pillow does under the same name.'),
  batch: z.int().min(1).default(64),
});

export const cifar = defineNode({
  name: 'data/cifar',
  about: 'CIFAR-10 or CIFAR-100, whichever of its binary batches are there, in [-1,1].',
  config: Config,
  inputs: {},
  outputs: { image: 'f32[B,3,R,R]', label: 'i64<L>[B]', index: 'i64[B]', dataset: '@dataset[L,3,R,R]' },
  dims: async ({ path, set, split, resolution, batch }, { resolve }) => {
    // A graph composes where its folder is not; its start wants it.
    if (await exists(resolve(path))) await findBatches(resolve(path), set, split);
    return { B: batch, R: resolution, L: classesOf(set) };
  },
  async start({ path, set, split, resolution, resampler, batch }, context) {
    const folder = context.services.resolve(path), batches = await findBatches(folder, set, split);
    const { pixels, labels, classNames } = await readBatches(folder, set, batches);
    context.services.note(`${context.node}: ${labels.length.toLocaleString('en')} images of ${batches.map(({ name }) => name).join(', ')}`);
    const contents: string[] = [];
    for (const { path: file } of batches) contents.push(await hashFile(file));
    const gather = createGather(pixels, resolution, resampler);
    const dataset: Dataset = {
      [transient]: true,
      name: path,
      key: contentKey(set, contents, resolution, resampler),
      size: labels.length,
      image: { dtype: 'f32', dims: [3, resolution, resolution] },
      classes: classesOf(set),
      labels,
      ...(classNames && { classNames }),
      nameOf(index) {
        let at = index;
        for (const { name, images } of batches) {
          if (at < images) return `${name}:${at}`;
          at -= images;
        }
        throw new RangeError(`there is no image ${index}`);
      },
      read: async (indices) => ({ image: await gather(indices), label: int64(Int32Array.from(indices, (i) => labels[i]!)) }),
    };
    return serve(dataset, batch, context);
  },
});

/** Images at indices as f32[N,3,R,R], resized on the way where R is not theirs: larger ones would not fit in memory. */
function createGather(pixels: Uint8Array, resolution: number, resampler: Resampler): (indices: Int32Array) => Promise<TensorValue> {
  const before = { width: SIDE, height: SIDE }, after = { width: resolution, height: resolution };
  const resize = resolution === SIDE ? undefined : createResize(before, after, 3, resampler);
  const bytes = 3 * resolution * resolution, slice = Math.max(1, Math.floor((1 << 18) / bytes));
  return async (indices) => {
    const out = new Float32Array(indices.length * bytes), scratch = new Uint8Array(bytes);
    for (const [row, index] of indices.entries()) {
      if (resize) for (const _ of resize(planar(pixels, before, 3 * index), planar(scratch, after)));
      if (resize) toUnit(scratch, 0, out, row * bytes, bytes);
      else toUnit(pixels, index * IMAGE_BYTES, out, row * bytes, bytes);
      if (row % slice === slice - 1) await pause();
    }
    return tensor('f32', [indices.length, 3, resolution, resolution], out);
  };
}
