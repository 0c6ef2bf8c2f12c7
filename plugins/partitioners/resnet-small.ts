/** @file A small residual network for images, for features learnt without labels. */
import { z } from 'zod';
import { add, batchNorm, conv, defineEncoder, mean, named, relu, type Scope, type Tensor } from '../../engine/index.js';

const count = z.int().positive();
const wide = { kernel: 3, padding: 1, bias: false };

export const resnetSmall = defineEncoder({
  name: 'resnet-small',
  about: 'Pre-activation residual network with batch norm (He et al., 2016) in its form for small images: 3x3 kernels from the first pixel on, twice the channels at half the side.',
  config: z.strictObject({
    type: z.literal('resnet-small'),
    width: count.default(32).describe('channels of the first stage; each stage after has twice as many'),
    stride: z.union([z.literal(1), z.literal(2)]).default(1).describe('of the first convolution; 2 spares three quarters of the work, or makes room for wider stages'),
    blocks: z.array(count).min(1).default([2, 2, 2]).describe('residual blocks of each stage; every stage but the first halves the side'),
  }),
  refuses(image, { stride, blocks }) {
    const least = stride * 2 ** (blocks.length - 1);
    return image.length === 3 && image[1]! >= least && image[2]! >= least ? undefined : `it wants images of at least ${least}x${least}`;
  },
  encode(s, image, { width, stride, blocks }) {
    let h = conv(s.at('in'), image, width, { ...wide, stride });
    blocks.forEach((many, stage) => {
      for (let i = 1; i <= many; i++) h = named(`stage${stage + 1}.block${i}`, s, (s) => block(s, h, width * 2 ** stage, stage > 0 && i === 1 ? 2 : 1));
    });
    return mean(relu(batchNorm(s.at('norm'), h)), [2, 3]);
  },
});

/** Norm, ReLU, 3x3, norm, ReLU, 3x3, beside the input; where sizes change, beside a 1x1 of the normed input. */
function block(s: Scope, x: Tensor, channels: number, stride: number): Tensor {
  const before = relu(batchNorm(s.at('norm1'), x)), same = stride === 1 && x.dims[1] === channels;
  const h = relu(batchNorm(s.at('norm2'), conv(s.at('conv1'), before, channels, { ...wide, stride })));
  return add(conv(s.at('conv2'), h, channels, wide), same ? x : conv(s.at('shortcut'), before, channels, { kernel: 1, stride, bias: false }));
}
