/** @file The networks of stacked MNIST: a DCGAN with batch norm in both (Self-Conditioned GAN; section 1.2 of its facts). */
import { z } from 'zod';
import { batchNorm, conv, defineBackbone, flatten, leakyRelu, linear, relu, reshape, tanh, transposedConv } from '../../engine/index.js';
import { maskHead, withEmbedding } from './conditioning.js';

const count = (fallback: number) => z.number().int().positive().default(fallback);
const half = { kernel: 4, stride: 2, padding: 1 };

export const dcganShallow = defineBackbone({
  name: 'dcgan-shallow',
  about: 'DCGAN with four stride-2 layers in the discriminator and batch norm in both networks, for square images.',
  config: z.strictObject({
    type: z.literal('dcgan-shallow'),
    latent: count(128).describe('width of z'),
    embedding: count(256).describe('width of the label embedding'),
    generator: count(64).describe('channels of the generator\'s last hidden layer; each layer before has twice as many'),
    discriminator: count(64).describe('channels of the discriminator\'s first layer; each layer after has twice as many'),
  }),
  conditions: ['none', 'label'],
  refuses: ([, height, width]) => (height === width && height! >= 16 && height! % 16 === 0 ? undefined : 'it wants square images whose side is a multiple of 16'),
  latent: (c) => c.latent,
  generator(s, latent, condition, c, [channels, side]) {
    const start = side! / 8;
    const seed = linear(s.at('seed'), withEmbedding(s.at('embedding'), latent, condition, c.embedding), 8 * c.generator * start * start);
    let h = reshape(seed, [seed.dims[0]!, 8 * c.generator, start, start]);
    for (const [i, width] of [4, 2, 1].entries())
      h = relu(batchNorm(s.at(`layer${i + 1}.norm`), transposedConv(s.at(`layer${i + 1}.conv`), h, width * c.generator, half)));
    return tanh(conv(s.at('out'), h, channels!, { kernel: 3, padding: 1 }));
  },
  discriminator(s, image, condition, c) {
    let h = image;
    for (const [i, width] of [1, 2, 4, 8].entries())
      h = leakyRelu(batchNorm(s.at(`layer${i + 1}.norm`), conv(s.at(`layer${i + 1}.conv`), h, width * c.discriminator, half)), 0.2);
    const feature = flatten(h);
    return { feature, logit: maskHead(s.at('out'), feature, condition) };
  },
});
