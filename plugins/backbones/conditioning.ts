/** @file How networks use a label: a normalised embedding beside z in G and one output a label in D (Self-Conditioned GAN; section 1.2 of its facts), or a generator for each label (MGAN). And several images at once (PacGAN). */
import { z } from 'zod';
import {
  add, concat, embedding, flatten, linear, mul, oneHot, reshape, sum, uniform, type Condition, type Judgement, type Scope, type Tensor, type WeightOptions,
} from '../../engine/index.js';

export const labelsConfig = z.enum(['embedded', 'generators']).default('embedded')
  .describe('what a label is: an embedding beside z, and an output of its own in the discriminator; or a generator, whose first layer is its own, and a class that the discriminator tells (MGAN; Hoang et al., 2018)');
type Labels = z.infer<typeof labelsConfig>;
/** Whether the discriminator tells labels apart, instead of judging each by its own. */
export const classifies = ({ labels }: { readonly labels: Labels }): boolean => labels === 'generators';

/** The first layer of a generator: a linear one of z and the label's embedding, or each label's own one of z. f32[N,Z] to f32[N,out] */
export function firstLayer(s: Scope, at: string, latent: Tensor, condition: Condition, c: { readonly embedding: number; readonly labels: Labels }, out: number): Tensor {
  const { label, labels } = condition;
  if (!label || !classifies(c)) return linear(s.at(at), withEmbedding(s.at('embedding'), latent, condition, c.embedding), out);
  const width = latent.dims[1] as number, init = uniform(1 / Math.sqrt(width));
  // z in the columns of its label, zeros in those of the others.
  const own = reshape(mul(reshape(oneHot(label, labels), [-1, labels, 1]), reshape(latent, [-1, 1, width])), [-1, labels * width]);
  return add(linear(s.at(at), own, out, { bias: false, init }), embedding(s.at(`${at}.bias`), label, labels, out, { init }));
}

/** z, followed by the label's embedding divided by its own norm; z alone when unconditional. f32[N,Z+E] */
export const withEmbedding = (s: Scope, z: Tensor, condition: Condition, width: number): Tensor =>
  condition.label ? concat([z, embedding(s, condition.label, condition.labels, width, { normalised: true })], 1) : z;

/** The score of (x, c) is output number c of a linear layer with as many outputs as labels; all layers below are shared. f32[N] */
export function maskHead(s: Scope, feature: Tensor, condition: Condition, weights: WeightOptions = {}): Tensor {
  const scores = linear(s, feature, Math.max(1, condition.labels), weights);
  return condition.label ? sum(mul(scores, oneHot(condition.label, condition.labels)), [1]) : reshape(scores, [scores.dims[0]!]);
}

export const featureConfig = z.enum(['flat', 'summed']).default('flat').describe('what clusterers read: the last layer as it is (16,384 numbers of resnet2 at 128x128), or summed over places');

/** The scores of (x, c) by the last layer f32[N,F], or one score of x and what tells labels apart. */
export function heads(s: Scope, at: string, last: Tensor, condition: Condition, c: { readonly labels: Labels }): Omit<Judgement, 'feature'> {
  if (!condition.label || !classifies(c)) return { logit: maskHead(s.at(at), last, condition) };
  return { logit: maskHead(s.at(at), last, { labels: 0, width: 0 }), classes: linear(s.at('classes'), last, condition.labels) };
}

/** The judgement by a last layer f32[N,C,H,W]: scores by its flat form, and the feature that is asked for. */
export function judged(s: Scope, last: Tensor, condition: Condition, c: { readonly labels: Labels; readonly feature?: z.infer<typeof featureConfig> }): Judgement {
  const flat = flatten(last);
  return { feature: c.feature === 'summed' ? sum(last, [2, 3]) : flat, ...heads(s, 'out', flat, condition, c) };
}

export const packConfig = z.int().positive().default(1).describe('images of a batch that the discriminator sees at once, side by side as channels, to give them one score (PacGAN; Lin et al., 2018); without labels only');

/** Consecutive groups of `pack` images, each as one of so many times the channels. f32[N,C,…] to f32[N/pack,pack C,…] */
export function packed(image: Tensor, pack: number): Tensor {
  const [, channels, ...rest] = image.dims;
  return pack === 1 ? image : reshape(image, [-1, pack * (channels as number), ...rest]);
}
