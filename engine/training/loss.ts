/** @file Adversarial losses and regularisers that methods share. */
import { z } from 'zod';
import { add, cast, constant, logSoftmax, matmul, maximum, mean, mul, neg, oneHot, relu, reshape, softplus, sqrt, square, sub, sum } from '../tensor/ops/index.js';
import { grad } from '../tensor/grad.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Given } from './backbone.js';
import type { Trace } from './method.js';
import { each } from './per-image.js';

/** Binary cross-entropy with logits, in the numerically stable form; `target` is 1 (real) or 0 (fake). The non-saturating loss of Goodfellow et al. (2014). */
export const logistic = {
  real: (logit: Tensor): Tensor => mean(softplus(neg(logit))),
  fake: (logit: Tensor): Tensor => mean(softplus(logit)),
  /** The generator's: make the discriminator say real. */
  fool: (logit: Tensor): Tensor => mean(softplus(neg(logit))),
};

/** Hinge (Lim and Ye 2017; Miyato et al. 2018). */
export const hinge = {
  real: (logit: Tensor): Tensor => mean(relu(sub(1, logit))),
  fake: (logit: Tensor): Tensor => mean(relu(add(logit, 1))),
  fool: (logit: Tensor): Tensor => neg(mean(logit)),
};

/** Wasserstein (Arjovsky et al. 2017). */
export const wasserstein = {
  real: (logit: Tensor): Tensor => neg(mean(logit)),
  fake: (logit: Tensor): Tensor => mean(logit),
  fool: (logit: Tensor): Tensor => neg(mean(logit)),
};

/** By the names that configurations have for them. */
export const adversarial = { logistic, hinge, wasserstein };
export type AdversarialName = keyof typeof adversarial;
export const adversarialNames = Object.keys(adversarial) as [AdversarialName, ...AdversarialName[]];

/** -log of the probability that logits f32[N,k] give each label i64[N], f32[N]. */
export const crossEntropy = (logit: Tensor, label: Tensor): Tensor => neg(sum(mul(logSoftmax(logit), oneHot(label, logit.dims[1] as number)), 1));

/** The share of what is so, of bool[N], f32[]. */
export const share = (hits: Tensor): Tensor => mean(cast(hits, 'f32'));

/** Squared norm of the scores' gradient at each image, f32[N]. */
export function squaredGradientNorm(logit: Tensor, image: Tensor): Tensor {
  const [g] = grad(sum(logit), [image]);
  return sum(square(g!), image.dims.map((_, axis) => axis).slice(1));
}

/** The places that a gradient penalty looks at. */
const PLACES = ['real', 'generated', 'both', 'between'] as const;
export const penaltyConfig = z.strictObject({
  weight: z.number().min(0).default(0).describe('0: none. There is no 1/2 as in Mescheder et al., whose gamma is twice this'),
  on: z.enum(PLACES).default('real').describe('at real images (R1; Mescheder et al., 2018), at generated ones (R2), at both, or at random points between pairs of them (WGAN-GP; Gulrajani et al., 2017)'),
  centre: z.union([z.literal(0), z.literal(1)]).default(0).describe('the norm that costs nothing; WGAN-GP has 1'),
});
export type GradientPenalty = z.infer<typeof penaltyConfig>;

/** weight * mean over images of (|gradient of the scores at the image| - centre)^2, f32[]. */
export function gradientPenalty(logit: Tensor, image: Tensor, { weight, centre }: Pick<GradientPenalty, 'weight' | 'centre'>): Tensor {
  const squared = squaredGradientNorm(logit, image);
  // The root of 0 has no slope; below this it is cut off.
  return mul(mean(centre === 0 ? squared : square(sub(sqrt(maximum(squared, 1e-24)), centre))), weight);
}

/** What the discriminator loses on real and on generated images under one condition: in one pass, unless scores are differentiated for a penalty. */
export function discriminatorLosses(
  { D, scores, uniform }: Pick<Trace<never, unknown>, 'D' | 'scores' | 'uniform'>, { real, fake }: Pick<typeof logistic, 'real' | 'fake'>, image: Tensor, generated: Tensor, given: Given, penalty: GradientPenalty,
): Readonly<Record<string, Tensor>> {
  if (!(penalty.weight > 0)) {
    const [onReal, onFake] = scores([image, given], [generated, given]);
    return { real: real(onReal!), fake: fake(onFake!) };
  }
  const onReal = D(image, given).logit, onFake = D(generated, given).logit;
  const at = { real: [[onReal, image]], generated: [[onFake, generated]], both: [[onReal, image], [onFake, generated]] } as const;
  const between = () => {
    const point = add(image, mul(sub(generated, image), each(uniform('between'), image.rank)));
    return [[D(point, given).logit, point]] as const;
  };
  const terms = (penalty.on === 'between' ? between() : at[penalty.on]).map(([logit, place]) => gradientPenalty(logit, place, penalty));
  return { real: real(onReal), penalty: terms.reduce((a, b) => add(a, b)), fake: fake(onFake) };
}

/**
 * Half the squared Frobenius norm of the off-diagonal part of W W^T, summed over weights [out,…]: its gradient is 2 (W W^T o (1 - I)) W, the
 * modified orthogonal regularisation of BigGAN (Brock et al. 2019, equation 3 without its diagonal).
 */
export const offDiagonalGram = (weights: readonly Tensor[]): Tensor => weights.map((weight) => {
  const rows = weight.dims[0] as number, flat = reshape(weight, [rows, -1]);
  if (rows <= (flat.dims[1] as number)) {
    const apart = constant(Float64Array.from({ length: rows * rows }, (_, i) => Number(Math.floor(i / rows) !== i % rows)), weight.dtype, [rows, rows]);
    return mul(sum(square(mul(matmul(flat, flat, { transposeB: true }), apart))), 0.5);
  }
  // W W^T and W^T W have one norm; of the many rows of a linear layer that starts an image, the first would fill gigabytes. Its diagonal is small there.
  return mul(sub(sum(square(matmul(flat, flat, { transposeA: true }))), sum(square(sum(square(flat), 1)))), 0.5);
}).reduce((a, b) => add(a, b));
