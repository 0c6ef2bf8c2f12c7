/** @file How networks use a label: a normalised embedding beside z in G (Self-Conditioned GAN; section 1.2 of its facts), one output a label in D. And several images at once (PacGAN). */
import { z } from 'zod';
import {
  concat, embedding, flatten, linear, mul, oneHot, reshape, sum, type Condition, type Judgement, type Scope, type Tensor, type WeightOptions,
} from '../../engine/index.js';

/** z, followed by the label's embedding divided by its own norm; z alone when unconditional. f32[N,Z+E] */
export const withEmbedding = (s: Scope, z: Tensor, condition: Condition, width: number): Tensor =>
  condition.label ? concat([z, embedding(s, condition.label, condition.labels, width, { normalised: true })], 1) : z;

/** The score of (x, c) is output number c of a linear layer with as many outputs as labels; all layers below are shared. f32[N] */
export function maskHead(s: Scope, feature: Tensor, condition: Condition, weights: WeightOptions = {}): Tensor {
  const scores = linear(s, feature, Math.max(1, condition.labels), weights);
  return condition.label ? sum(mul(scores, oneHot(condition.label, condition.labels)), [1]) : reshape(scores, [scores.dims[0]!]);
}

export const featureConfig = z.enum(['flat', 'summed']).default('flat').describe('what clusterers read: the last layer as it is (16,384 numbers of resnet2 at 128x128), or summed over places');

/** The judgement by a last layer f32[N,C,H,W]: scores by its flat form, and the feature that is asked for. */
export function judged(s: Scope, last: Tensor, condition: Condition, feature: z.infer<typeof featureConfig>): Judgement {
  const flat = flatten(last);
  return { feature: feature === 'flat' ? flat : sum(last, [2, 3]), logit: maskHead(s, flat, condition) };
}

export const packConfig = z.int().positive().default(1).describe('images of a batch that the discriminator sees at once, side by side as channels, to give them one score (PacGAN; Lin et al., 2018); without labels only');

/** Consecutive groups of `pack` images, each as one of so many times the channels. f32[N,C,…] to f32[N/pack,pack C,…] */
export function packed(image: Tensor, pack: number): Tensor {
  const [, channels, ...rest] = image.dims;
  return pack === 1 ? image : reshape(image, [-1, pack * (channels as number), ...rest]);
}
