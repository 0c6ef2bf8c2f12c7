/** @file `extractor/images`: the vectors, and class probabilities, of images as they come. */
import { defineNode, fetched, type Extractor } from '../../engine/index.js';
import { openExtractor, sizesOf } from './open.js';
import { ImageSettings } from './settings.js';

export const images = defineNode({
  name: 'extractor/images',
  about: 'One vector for each image of a batch, by a frozen model given as an ONNX file; with `score`, the probabilities of its classes, too.',
  config: ImageSettings,
  inputs: { image: 'f32[N,C,R,R]' },
  outputs: ({ score }) => ({ feature: 'f32[N,F]', ...(score && { score: 'f32[N,K]' }) } as { readonly feature: 'f32[N,F]'; readonly score: 'f32[N,K]' }),
  dims: (config, services) => sizesOf(services, config),
  start(config, { node, services }) {
    let opening: Promise<Extractor> | undefined;
    return {
      state: {},
      async step(state, inputs, { signal, wave }) {
        opening ??= openExtractor(services, config);
        const extracted = await (await opening).extract(await fetched(services, inputs.image), { signal, called: (i) => `image ${i} of "${node}" in wave ${wave}` });
        return { state, outputs: { ...extracted } };
      },
      close: async () => { await (await opening)?.close(); },
    };
  },
});
