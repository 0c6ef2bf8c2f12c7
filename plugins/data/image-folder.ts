/** @file `data/image-folder`: photos of a folder, decoded once. */
import { z } from 'zod';
import { defineNode, exists, int64, transient, type Dataset, type Services } from '../../engine/index.js';
import { serve } from './batches.js';
import { contentKey } from './content-key.js';
import { storeImages } from './image-cache.js';
import { listImages } from './image-files.js';
import { preparation } from './preparation.js';
import { createStoreReader } from './stored-images.js';

const Config = z.strictObject({
  path: z.string().describe('A folder of JPEG, PNG and WebP photos. Its sub-folders, sorted by name, are the classes; without any there is one class.'),
  list: z.string().optional().describe('A text file of lines "path label" that says which photos there are instead; paths are relative to "path" or to the list\'s folder.'),
  classes: z.int().min(1).optional().describe('Number of classes; that of the sub-folders, or the largest label of the list plus 1, unless given. With it a graph composes where its photos are not yet.'),
  ...preparation,
  damaged: z.number().min(0).max(1).default(0.01).describe('The share of photos that may be damaged: they are named, counted and left out. More are an error.'),
  memory: z.number().min(0).default(1024).describe('MiB of decoded images that stay in memory; those beyond are read from the cache when they are needed.'),
  batch: z.int().min(1).default(64),
});

const listed = ({ path, list, classes }: z.infer<typeof Config>, { resolve }: Services) => listImages(resolve(path), list === undefined ? undefined : resolve(list), classes);

export const imageFolder = defineNode({
  name: 'data/image-folder',
  about: 'Photos of a folder with the labels of its sub-folders or of a list, cropped and resized, in [-1,1]. Decoded once into a cache.',
  config: Config,
  inputs: {},
  outputs: { image: 'f32[B,C,R,R]', label: 'i64<L>[B]', index: 'i64[B]', dataset: '@dataset[L,C,R,R]' },
  async dims(config, services) {
    const { batch, channels, resolution, classes } = config;
    // A graph with a stated number of classes composes where its photos are not; its start wants them.
    const absent = classes !== undefined && !(await exists(services.resolve(config.path)));
    return { B: batch, C: channels, R: resolution, L: absent ? classes : (await listed(config, services)).classes };
  },
  async start(config, context) {
    const { services, node, signal } = context, { resolution, channels, memory } = config;
    const files = await listed(config, services);
    if (files.empty.length) services.note(`${node}: ${files.empty.length} sub-folders have no photos and are no classes: ${files.empty.slice(0, 5).join(', ')}`);
    const store = await storeImages(files, { services, node, signal, preparation: config, tolerated: config.damaged });
    const dims = [channels, resolution, resolution], read = createStoreReader(store, dims, memory * 2 ** 20);
    const labels = store.kept.map((file) => files.labels[file]!);
    const dataset: Dataset = {
      [transient]: true,
      name: config.path,
      key: contentKey(store.key, labels),
      size: store.kept.length,
      image: { dtype: 'f32', dims },
      classes: files.classes,
      labels,
      ...(files.classNames && { classNames: files.classNames }),
      nameOf: (index) => files.paths[store.kept[index]!]!,
      read: async (indices) => ({ image: await read(indices), label: int64(Int32Array.from(indices, (i) => labels[i]!)) }),
    };
    return serve(dataset, config.batch, context);
  },
});
