/** @file A plain stack of strided convolutions, whose features keep where things are. */
import { z } from 'zod';
import { batchNorm, conv, defineEncoder, leakyRelu, reshape } from '../../engine/index.js';

const count = z.int().positive();

export const strided = defineEncoder({
  name: 'strided',
  about: 'Layers of 4x4 convolutions, each halving the side, with batch norm and leaky ReLU; features are the last layer with its places, not their mean: for what must be made again from them.',
  config: z.strictObject({
    type: z.literal('strided'),
    width: count.default(32).describe('channels of the first layer; each after has twice as many'),
    layers: count.default(3).describe('each halves the side'),
  }),
  refuses: (image, { layers }) => (image.length === 3 && image[1]! % 2 ** layers === 0 && image[2]! % 2 ** layers === 0 ? undefined : `it wants images whose sides are divisible by ${2 ** layers}`),
  encode(s, image, { width, layers }) {
    let h = image;
    for (let i = 0; i < layers; i++)
      h = leakyRelu(batchNorm(s.at(`layer${i + 1}.norm`), conv(s.at(`layer${i + 1}.conv`), h, width * 2 ** i, { kernel: 4, stride: 2, padding: 1, bias: false })), 0.2);
    return reshape(h, [h.dims[0]!, (h.dims.slice(1) as number[]).reduce((a, b) => a * b)]);
  },
});
