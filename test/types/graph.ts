/** @file What the editor says about graphs written in TypeScript. Compiled, never run: every `@ts-expect-error` below must be one. */
import { z } from 'zod';
import { defineGraph } from '../../engine/dataflow/graph.js';
import { defineNode } from '../../engine/dataflow/node.js';

const images = defineNode({
  name: 'data/images', about: 'Images.', config: z.object({ batch: z.number().default(64), resolution: z.number() }), inputs: {},
  outputs: { image: 'f32[B,3,R,R]', index: 'i64[B]', label: 'i64<10>[B]' },
  start: () => ({ state: 0, step: (state) => ({ state, outputs: {} }) }),
});
const extractor = defineNode({
  name: 'extractor/net', about: 'Features.', config: z.object({}), inputs: { image: 'f32[N,3,224,224]' }, outputs: { feature: 'f32[N,F]' },
  start: () => ({ state: 0, step: (state) => ({ state, outputs: {} }) }),
});
const grey = defineNode({
  name: 'data/grey', about: 'Grey images.', config: z.object({}), inputs: { 'tick?': '@any' }, outputs: { image: 'f32[B,1,28,28]' },
  start: () => ({ state: 0, step: (state) => ({ state, outputs: {} }) }),
});
const train = defineNode({
  name: 'train/gan', about: 'Trains.', config: z.object({ optimiser: z.object({ lr: z.number() }) }),
  inputs: { image: 'f32[B,...S]', label: { latest: 'i64<K>[B]' }, 'weights?': { previous: '@weights' } }, outputs: { weights: '@weights', loss: 'f32[]' },
  start: () => ({ state: 0, step: (state) => ({ state, outputs: {} }) }),
});
const model = defineNode({
  name: 'extractor/onnx', about: 'A model file.', config: z.object({ model: z.string() }),
  inputs: (): Record<string, 'f32[N,3,H,H]'> => ({}), outputs: (): Record<string, 'f32[N,F]'> => ({}),
  start: () => ({ state: 0, step: (state) => ({ state, outputs: {} }) }),
});

export const good = defineGraph({
  about: 'Everything fits.', waves: 10,
  nodes: {
    data: { type: images, config: { resolution: 32 } },
    small: { type: grey },
    ticked: { type: grey, in: { tick: 'train.loss' } },
    feature: { type: extractor, in: { image: 'data.image' } },
    file: { type: model, config: { model: 'x' }, in: { anything: 'data.image' } },
    other: { type: 'somewhere/else', in: { whatever: 'data.image' } },
    train: { type: train, config: { optimiser: { lr: 1 } }, in: { image: 'data.image', label: 'data.label', weights: 'train.weights' } },
    again: { type: train, in: { image: 'small.image', label: 'other.label' } },
  },
});

export const bad = [
  // @ts-expect-error there is no node "dta"
  defineGraph({ nodes: { data: { type: images }, f: { type: extractor, in: { image: 'dta.image' } } } }),
  // @ts-expect-error "data" has no output "images"
  defineGraph({ nodes: { data: { type: images }, f: { type: extractor, in: { image: 'data.images' } } } }),
  // @ts-expect-error i64 is not f32
  defineGraph({ nodes: { data: { type: images }, f: { type: extractor, in: { image: 'data.index' } } } }),
  // @ts-expect-error rank 2 is not rank 4
  defineGraph({ nodes: { data: { type: images }, f: { type: extractor, in: { image: 'data.image' } }, g: { type: extractor, in: { image: 'f.feature' } } } }),
  // @ts-expect-error 1 is not 3
  defineGraph({ nodes: { data: { type: grey }, f: { type: extractor, in: { image: 'data.image' } } } }),
  // @ts-expect-error there is no input "imgae"
  defineGraph({ nodes: { data: { type: images }, f: { type: extractor, in: { image: 'data.image', imgae: 'data.image' } } } }),
  // @ts-expect-error the input "image" is missing
  defineGraph({ nodes: { f: { type: extractor, in: {} } } }),
  // @ts-expect-error inputs are missing
  defineGraph({ nodes: { f: { type: extractor } } }),
  // @ts-expect-error integers without a bound are not integers below K
  defineGraph({ nodes: { data: { type: images }, t: { type: train, in: { image: 'data.image', label: 'data.index' } } } }),
  // @ts-expect-error an opaque value does not fit a tensor port
  defineGraph({ nodes: { data: { type: images }, t: { type: train, in: { image: 't.weights', label: 'data.label' } } } }),
  // @ts-expect-error a tensor does not fit an opaque port
  defineGraph({ nodes: { data: { type: images }, t: { type: train, in: { image: 'data.image', label: 'data.label', weights: 'data.image' } } } }),
  // @ts-expect-error a reference is "node.output"
  defineGraph({ nodes: { data: { type: images }, f: { type: extractor, in: { image: 'data' } } } }),
  // @ts-expect-error resolution is a number
  defineGraph({ nodes: { data: { type: images, config: { resolution: '32' } } } }),
];
