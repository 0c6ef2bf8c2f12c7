/** @file The losses of PGMGAN (Armandpour et al., "Partition-Guided GANs", 2021): contrastive features, the partition (equation 5), and the guide into a part (equation 6). */
import {
  add, argMax, concat, div, equal, iota, log, logSoftmax, logSumExp, matmul, maximum, mean, mul, neg, oneHot, relu, reshape, softmax, sqrt, square, sub, sum, where,
  type Tensor,
} from '../../engine/index.js';

/** Logarithms of probabilities are cut off here, as torch's binary cross-entropy does, which the published code takes them from. */
const LEAST_LOG = -100;
/** Mean probabilities are cut off here before their logarithm is taken (SCAN's code). */
const LEAST_PROBABILITY = 1e-8;

/**
 * How far images and their neighbours are from lying in the same part: mean of -log of the inner product of the two softmaxes, logits f32[B,k] each, to f32[].
 * The first term of equation 5. In logarithms throughout: the product itself would vanish in float32 where the two disagree.
 */
export const consistency = (anchor: Tensor, neighbour: Tensor): Tensor =>
  neg(mean(maximum(logSumExp(add(logSoftmax(anchor), logSoftmax(neighbour)), 1), LEAST_LOG)));

/** Entropy of the mean of the softmaxes of logits f32[B,k], in nats, f32[]: log k when all parts are of one size. The third term of equation 5. */
export function entropyOfMean(logit: Tensor): Tensor {
  const p = maximum(mean(softmax(logit), 0), LEAST_PROBABILITY);
  return neg(sum(mul(p, log(p))));
}

/** Mean over images of the entropy of the softmax of logits f32[B,k], in nats, f32[]: 0 when each image lies in one part for certain. The second term of equation 5. */
export const meanEntropy = (logit: Tensor): Tensor => neg(mean(sum(mul(softmax(logit), logSoftmax(logit)), 1)));

/** Weights of equation 5. The published text has lost one of the two numbers: 5 is that of SCAN (Van Gansbeke et al., 2020), whose objective has `sample` 0. */
export interface PartitionWeights {
  /** Of the entropy of the mean, which keeps parts of one size. */
  readonly balance: number;
  /** Of the mean entropy of each image's own distribution. */
  readonly sample: number;
}
export const partitionWeights: PartitionWeights = { balance: 5, sample: 1e-3 };

/** Equation 5, to be minimised: the terms that sum to it, from logits f32[B,k] of images and of a neighbour of each. The entropies are of the images, as SCAN has them. */
export const partitionTerms = (anchor: Tensor, neighbour: Tensor, { balance, sample }: PartitionWeights = partitionWeights) => ({
  consistency: consistency(anchor, neighbour),
  balance: mul(entropyOfMean(anchor), -balance),
  ...(sample ? { sample: mul(meanEntropy(anchor), sample) } : {}),
});

/** Below every product of features: a candidate that does not count. */
const NEVER = -1e9;

/**
 * SimCLR's loss (equation 4; Chen et al., 2020) as SCAN has it: features of two views, f32[B,F] each and of length 1, to f32[]. Anchors are the first views only, and
 * candidates all 2B features but the anchor: the mean of -log softmax of the other view of the same image, at this temperature.
 */
export function contrastive(first: Tensor, second: Tensor, temperature = 0.1): Tensor {
  const [count] = first.dims as readonly number[], row = iota(count!), all = concat([first, second]);
  const products = div(matmul(first, all, { transposeB: true }), temperature);
  const itself = equal(reshape(row, [-1, 1]), iota(2 * count!));
  const positive = div(sum(mul(first, second), 1), temperature);
  return mean(sub(logSumExp(where(itself, NEVER, products), 1), positive));
}

/** Features f32[N,F] divided by their lengths (or by 1e-12 where they are shorter, as torch does). */
export const unitLength = (feature: Tensor): Tensor => div(feature, sqrt(maximum(sum(square(feature), 1, true), 1e-24)));

export const guideReductions = ['sum', 'mean'] as const;
export type GuideReduction = (typeof guideReductions)[number];

/**
 * R_c of each image, f32[N], from a partitioner's logits f32[N,k] and the parts c i64[N]: by how much other parts' logits are above that of c, summed over the parts
 * (equation 6) or, as in the published code, averaged over all k. 0 in the part and positive outside it (equation 7).
 */
export function guide(logit: Tensor, label: Tensor, reduction: GuideReduction): Tensor {
  const own = sum(mul(logit, oneHot(label, logit.dims[1] as number, logit.dtype)), 1, true), excess = relu(sub(logit, own));
  return reduction === 'sum' ? sum(excess, 1) : mean(excess, 1);
}

/** Whether each image lies in its part, bool[N]: c is the first largest logit. But for ties, that is where the guide is 0. */
export const accepted = (logit: Tensor, label: Tensor): Tensor => equal(argMax(logit, 1), label);

/**
 * The guide's weight by wave: from `initial`, by `slope` a generator step, never below `floor`; `steps` are the discriminator steps (waves) to each generator step.
 * Published: 6, -0.00012, 0.0001 with 4 steps.
 */
export const annealed = (initial: number, slope: number, floor: number, steps = 1) => (wave: number): number => Math.max(floor, initial + slope * (wave / steps));
