/** @file The residual networks of ImageNet and Places (Mescheder, Geiger and Nowozin, ICML 2018, as Self-Conditioned GAN has them; section 1.2 of its facts). */
import { z } from 'zod';
import {
  add, averagePool, conv, defineBackbone, leakyRelu, mul, named, reshape, resizeNearest, tanh, type Scope, type Tensor,
} from '../../engine/index.js';
import { classifies, featureConfig, firstLayer, judged, labelsConfig, packConfig, packed } from './conditioning.js';
import { count, squares } from './settings.js';

const wide = { kernel: 3, padding: 1 };
/** Channels of the two blocks of each resolution, in units of `width`; of the generator from the smallest side up, of the discriminator from the largest down. */
const UP = [[16, 16], [16, 16], [8, 8], [4, 4], [2, 2], [1, 1]] as const, DOWN = [[1, 2], [2, 4], [4, 8], [8, 16], [16, 16], [16, 16]] as const;
/** What five doublings make of one place. */
const TIMES = 32;

export const resnet2 = defineBackbone({
  name: 'resnet2',
  about: 'Residual networks without norms, two blocks at each of six resolutions, for square images whose side is a multiple of 32.',
  config: z.strictObject({
    type: z.literal('resnet2'),
    latent: count(256).describe('width of z'),
    embedding: count(256).describe('width of the label embedding'),
    width: count(64).describe('channels of both networks at the images\' side; 16 times as many at the smallest'),
    feature: featureConfig,
    labels: labelsConfig,
    pack: packConfig,
  }),
  conditions: ['none', 'label'],
  refuses: squares(TIMES),
  pack: (c) => c.pack,
  classifies: (c) => classifies(c),
  perImage: true,
  latent: (c) => c.latent,
  generator(s, latent, condition, c, [channels, side]) {
    const start = side! / TIMES, seed = firstLayer(s, 'seed', latent, condition, c, UP[0][0] * c.width * start * start);
    const h = blocks(s, UP, c.width, reshape(seed, [seed.dims[0]!, UP[0][0] * c.width, start, start]), true);
    return tanh(conv(s.at('out'), leakyRelu(h, 0.2), channels!, wide));
  },
  discriminator(s, image, condition, c) {
    return judged(s, leakyRelu(blocks(s, DOWN, c.width, conv(s.at('in'), packed(image, c.pack), c.width, wide), false), 0.2), condition, c);
  },
});

/** Two blocks at each resolution; between resolutions images are repeated to twice the side, or averaged to half of it. */
function blocks(s: Scope, stages: typeof UP | typeof DOWN, width: number, x: Tensor, up: boolean): Tensor {
  let h = x;
  stages.forEach((pair, stage) => {
    if (stage > 0 && !up) h = averagePool(h, { kernel: 3, stride: 2, padding: 1 });
    pair.forEach((channels, i) => { h = named(`stage${stage + 1}.block${i + 1}`, s, (s) => block(s, h, channels * width, up && stage > 0 && i === 0)); });
  });
  return h;
}

/** LeakyReLU, 3x3 to the fewer channels of both ends, LeakyReLU, 3x3, a tenth of which is added to the input, or to a 1x1 of it where channels change. */
function block(s: Scope, x: Tensor, channels: number, repeats: boolean): Tensor {
  const from = x.dims[1] as number, resample = repeats ? 'up' : undefined;
  const h = conv(s.at('conv1'), leakyRelu(x, 0.2), Math.min(from, channels), { ...wide, resample });
  const beside = from !== channels ? conv(s.at('shortcut'), x, channels, { kernel: 1, bias: false, resample }) : repeats ? resizeNearest(x, 2) : x;
  return add(beside, mul(conv(s.at('conv2'), leakyRelu(h, 0.2), channels, wide), 0.1));
}
