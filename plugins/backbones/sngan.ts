/**
 * @file The networks of Partition-Guided GANs (Armandpour et al., CVPR 2021; tables 6 and 7, section 2.7 of its facts): BigGAN's residual blocks under spectral
 * norm, every label with its own gains and biases in the generator's norms and its own output of the discriminator.
 */
import { z } from 'zod';
import {
  add, batchNorm, conditionalBatchNorm, defineBackbone, linear, named, normal, oneHot, relu, reshape, spectralNorm, sum, type Scope, type Tensor,
} from '../../engine/index.js';
import { maskHead, withEmbedding } from './conditioning.js';
import { discriminatorBlock, generatorBlock, imageOf } from './residual-blocks.js';
import { count } from './settings.js';

/** Channels are multiples. The first of the generator's are those of the images that it starts from; each of its blocks doubles the side. */
interface Sizes {
  readonly side: number;
  readonly start: number;
  readonly generator: readonly number[];
  readonly discriminator: readonly number[];
  /** So many of the discriminator's blocks halve the side: the first ones. */
  readonly halved: number;
}

const init = normal(0.02), weights = { init, weight: spectralNorm };

function sngan<const Name extends string>(name: Name, table: number, { side, start, generator: [first, ...made], discriminator, halved }: Sizes) {
  const config = z.strictObject({
    type: z.literal(name),
    latent: count(128).describe('width of z'),
    generator: count(64).describe('channel multiplier of the generator'),
    discriminator: count(64).describe('channel multiplier of the discriminator'),
    label: z.enum(['norms', 'first-layer']).default('norms').describe('where the generator is told a label: in every norm, as in the published code; or beside z, as the paper has it'),
    embedding: count(256).describe('width of the label\'s embedding beside z'),
  });
  return defineBackbone({
    name, config,
    about: `Residual networks with spectral norm, conditional batch norm and an output a label, for images of ${side}x${side} (Partition-Guided GANs, table ${table}).`,
    conditions: ['none', 'label'],
    refuses: ([, height, width]) => (height === side && width === side ? undefined : `it wants images of ${side}x${side}`),
    perImage: true,
    latent: (c) => c.latent,
    generator(s, latent, condition, c, [colours]) {
      const { label, labels } = condition, beside = c.label === 'first-layer';
      // A linear layer of a label's one-hot vector is a table; that of a norm is not normalised.
      const row = label && !beside && oneHot(label, labels), norm = (s: Scope, x: Tensor) => (row ? conditionalBatchNorm(s, x, row, { init }) : batchNorm(s, x));
      const channels = first! * c.generator, input = beside ? withEmbedding(s.at('embedding'), latent, condition, c.embedding) : latent;
      let h = reshape(named('seed', s, (s) => linear(s, input, channels * start * start, weights)), [latent.dims[0]!, channels, start, start]);
      for (const [i, multiple] of made.entries()) h = named(`block${i + 1}`, s, (s) => generatorBlock(s, h, multiple * c.generator, norm, weights));
      return imageOf(s, h, colours!, weights);
    },
    discriminator(s, image, condition, c) {
      let h = image;
      for (const [i, multiple] of discriminator.entries())
        h = named(`block${i + 1}`, s, (s) => discriminatorBlock(s, h, multiple * c.discriminator, { first: i === 0, halves: i < halved, ...weights }));
      const feature = sum(relu(h), [2, 3]), score = reshape(named('score', s, (s) => linear(s, feature, 1, weights)), [image.dims[0]!]);
      return { feature, logit: condition.label ? add(score, named('label', s, (s) => maskHead(s, feature, condition, weights))) : score };
    },
  });
}

export const sngan32 = sngan('sngan-32', 6, { side: 32, start: 4, generator: [4, 4, 4, 4], discriminator: [4, 4, 4, 4], halved: 2 });
export const sngan48 = sngan('sngan-48', 7, { side: 48, start: 3, generator: [16, 16, 8, 4, 2], discriminator: [1, 2, 4, 8, 16], halved: 4 });
