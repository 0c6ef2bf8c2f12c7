/** @file The networks of stacked MNIST and of CIFAR-10: one generator, a shallow and a deep discriminator (Self-Conditioned GAN; section 1.2 of its facts). */
import { z } from 'zod';
import {
  batchNorm, conv, defineBackbone, leakyRelu, relu, reshape, tanh, transposedConv, type Condition, type Scope, type Tensor,
} from '../../engine/index.js';
import { classifies, featureConfig, firstLayer, judged, labelsConfig, packConfig, packed } from './conditioning.js';
import { count, squares } from './settings.js';

const half = { kernel: 4, stride: 2, padding: 1 }, wide = { kernel: 3, padding: 1 };

const widths = {
  latent: count(128).describe('width of z'),
  embedding: count(256).describe('width of the label embedding'),
  generator: count(64).describe('channels of the generator\'s last hidden layer; each layer before has twice as many'),
  discriminator: count(64).describe('channels of the discriminator\'s first layers; twice as many whenever the side halves'),
  labels: labelsConfig,
  pack: packConfig,
};
type Widths = z.infer<z.ZodObject<typeof widths>>;

/** A linear layer that nothing follows, three transposed convolutions with batch norm and ReLU, 3x3, tanh. */
function generator(s: Scope, latent: Tensor, condition: Condition, c: Widths, [channels, side]: readonly number[]): Tensor {
  const start = side! / 8;
  const seed = firstLayer(s, 'seed', latent, condition, c, 8 * c.generator * start * start);
  let h = reshape(seed, [seed.dims[0]!, 8 * c.generator, start, start]);
  for (const [i, width] of [4, 2, 1].entries())
    h = relu(batchNorm(s.at(`layer${i + 1}.norm`), transposedConv(s.at(`layer${i + 1}.conv`), h, width * c.generator, half)));
  return tanh(conv(s.at('out'), h, channels!, wide));
}

export const dcganShallow = defineBackbone({
  name: 'dcgan-shallow',
  about: 'DCGAN with four stride-2 layers in the discriminator and batch norm in both networks, for square images.',
  config: z.strictObject({ type: z.literal('dcgan-shallow'), ...widths }),
  conditions: ['none', 'label'],
  refuses: squares(16),
  pack: (c) => c.pack,
  classifies: (c) => classifies(c),
  latent: (c) => c.latent,
  generator,
  discriminator(s, image, condition, c) {
    let h = packed(image, c.pack);
    for (const [i, width] of [1, 2, 4, 8].entries())
      h = leakyRelu(batchNorm(s.at(`layer${i + 1}.norm`), conv(s.at(`layer${i + 1}.conv`), h, width * c.discriminator, half)), 0.2);
    return judged(s, h, condition, c);
  },
});

/** Channels, in units of the first layer's, and what changes the side. */
const DEEP = [[1, wide], [1, half], [2, wide], [2, half], [4, wide], [4, half], [8, wide]] as const;

const deepConfig = z.strictObject({ type: z.literal('dcgan-deep'), ...widths, feature: featureConfig });

export const dcganDeep = defineBackbone<z.infer<typeof deepConfig>>({
  name: 'dcgan-deep',
  about: 'The generator of dcgan-shallow against a discriminator of seven layers without norms, for square images.',
  config: deepConfig,
  conditions: ['none', 'label'],
  refuses: squares(8),
  pack: (c) => c.pack,
  classifies: (c) => classifies(c),
  perImage: true,
  latent: (c) => c.latent,
  generator,
  discriminator(s, image, condition, c) {
    let h = packed(image, c.pack);
    for (const [i, [width, shape]] of DEEP.entries()) h = leakyRelu(conv(s.at(`layer${i + 1}`), h, width * c.discriminator, shape), 0.1);
    return judged(s, h, condition, c);
  },
});
