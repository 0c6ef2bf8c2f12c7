/** @file Adversarial losses and regularisers that methods share. */
import { add, constant, matmul, mean, mul, neg, relu, reshape, softplus, square, sub, sum } from '../tensor/ops/index.js';
import { grad } from '../tensor/grad.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Given } from './backbone.js';
import type { Trace } from './method.js';

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

/** Squared norm of the scores' gradient at each image, f32[N]. */
export function squaredGradientNorm(logit: Tensor, image: Tensor): Tensor {
  const [g] = grad(sum(logit), [image]);
  return sum(square(g!), image.dims.map((_, axis) => axis).slice(1));
}

/**
 * R1 of Mescheder et al. (2018): weight * mean over images of the squared gradient norm. There is no 1/2: weight 0.1 is gamma 0.2 in the paper's notation,
 * as in Self-Conditioned GAN's code (section 1.3 of its facts).
 */
export const r1 = (logit: Tensor, image: Tensor, weight: number): Tensor => mul(mean(squaredGradientNorm(logit, image)), weight);

/** What the discriminator loses on real and on generated images under one condition: in one pass, unless R1 has weight, which differentiates the scores of the real ones. */
export function discriminatorLosses(
  { D, scores }: Pick<Trace<never, unknown>, 'D' | 'scores'>, { real, fake }: Pick<typeof logistic, 'real' | 'fake'>, image: Tensor, generated: Tensor, given: Given, penalty: number,
): Readonly<Record<string, Tensor>> {
  if (penalty > 0) {
    const { logit } = D(image, given);
    return { real: real(logit), penalty: r1(logit, image, penalty), fake: fake(D(generated, given).logit) };
  }
  const [onReal, onFake] = scores([image, given], [generated, given]);
  return { real: real(onReal!), fake: fake(onFake!) };
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
