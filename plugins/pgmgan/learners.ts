/** @file How partitioners are trained: on the labels of a clustering, or so that neighbours share a part (equation 5). */
import { z } from 'zod';
import { argMax, cast, defineLearner, equal, logSoftmax, mean, mul, neg, oneHot, sum, type Tensor } from '../../engine/index.js';
import { entropyOfMean, partitionTerms, partitionWeights } from './losses.js';

const share = (hits: Tensor): Tensor => mean(cast(hits, 'f32'));

/** Cross-entropy on given labels: the toy partitioners, on those of k-means. */
export const classifier = defineLearner({
  name: 'classifier',
  about: 'A partitioner that learns given labels by cross-entropy.',
  batch: { image: 'f32[B,...S]', label: 'i64<K>[B]' },
  head: 'linear',
  options: z.strictObject({}),
  losses({ E, batch: { image, label } }) {
    const { logit } = E(image), own = sum(mul(logSoftmax(logit), oneHot(label, logit.dims[1] as number)), [1]);
    return { losses: { cross_entropy: neg(mean(own)) }, report: { accuracy: share(equal(argMax(logit, 1), label)) } };
  },
});

const weight = (fallback: number) => z.number().min(0).default(fallback);

/** Equation 5 on pairs of neighbours. */
export const partitioner = defineLearner({
  name: 'partitioner',
  about: 'A partitioner whose parts hold an image and its neighbours together, each image in one part, all parts alike in size (equation 5 of Armandpour et al., 2021; SCAN with sample 0).',
  batch: { image: 'f32[B,...S]', neighbour: 'f32[B,...S]' },
  head: 'linear',
  options: z.strictObject({
    balance: weight(partitionWeights.balance).describe('weight of the entropy of the mean; the number of SCAN'),
    sample: weight(partitionWeights.sample).describe('weight of the mean entropy; the number that the paper prints'),
  }),
  losses({ E, batch: { image, neighbour }, options }) {
    const { logit } = E(image), other = E(neighbour).logit;
    return { losses: partitionTerms(logit, other, options), report: { entropy: entropyOfMean(logit), together: share(equal(argMax(logit, 1), argMax(other, 1))) } };
  },
});
