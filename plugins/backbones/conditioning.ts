/** @file How networks use a label: a normalised embedding beside z in G (Self-Conditioned GAN; section 1.2 of its facts), one output a label in D. */
import {
  concat, embedding, linear, mul, oneHot, reshape, sum, type Condition, type Scope, type Tensor, type WeightOptions,
} from '../../engine/index.js';

/** z, followed by the label's embedding divided by its own norm; z alone when unconditional. f32[N,Z+E] */
export const withEmbedding = (s: Scope, z: Tensor, condition: Condition, width: number): Tensor =>
  condition.label ? concat([z, embedding(s, condition.label, condition.labels, width, { normalised: true })], 1) : z;

/** The score of (x, c) is output number c of a linear layer with as many outputs as labels; all layers below are shared. f32[N] */
export function maskHead(s: Scope, feature: Tensor, condition: Condition, weights: WeightOptions = {}): Tensor {
  const scores = linear(s, feature, Math.max(1, condition.labels), weights);
  return condition.label ? sum(mul(scores, oneHot(condition.label, condition.labels)), [1]) : reshape(scores, [scores.dims[0]!]);
}
