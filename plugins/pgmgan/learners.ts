/** @file How partitioners are trained: their encoder by contrasting views (equation 4), then so that neighbours share a part (equation 5); or on the labels of a clustering. */
import { z } from 'zod';
import { argMax, concat, crossEntropy, defineLearner, equal, iota, matmul, mean, share, split, viewConfig, viewOf, type Tensor } from '../../engine/index.js';
import { contrastive as contrast, entropyOfMean, partitionTerms, partitionWeights, unitLength } from './losses.js';

/** Cross-entropy on given labels: the toy partitioners, on those of k-means. */
export const classifier = defineLearner({
  name: 'classifier',
  about: 'A partitioner that learns given labels by cross-entropy.',
  batch: { image: 'f32[B,...S]', label: 'i64<K>[B]' },
  head: 'linear',
  options: z.strictObject({}),
  losses({ E, batch: { image, label } }) {
    const { logit } = E(image);
    return { losses: { cross_entropy: mean(crossEntropy(logit, label)) }, report: { accuracy: share(equal(argMax(logit, 1), label)) } };
  },
});

/** Contrastive pretext: features of two views of an image are alike, and unlike those of other images. */
export const contrastive = defineLearner({
  name: 'contrastive',
  about: 'An encoder that tells views of one image from those of others, by the contrastive loss of SimCLR (equation 4 of Armandpour et al., 2021).',
  batch: { image: 'f32[B,...S]' },
  head: 'projection',
  options: z.strictObject({ temperature: z.number().positive().default(0.1), views: viewConfig.prefault({}).describe('what a view may do to an image') }),
  losses({ E, uniform, batch: { image }, options: { temperature, views } }) {
    const view = (name: string) => viewOf(image, views, (draw) => uniform(`${name} ${draw}`)), size = image.dims[0] as number;
    // One pass, so that batch norm's statistics tell the two views apart no more than the images.
    const [first, second] = split(unitLength(E(concat([view('first'), view('second')])).logit), [size, size], 0) as [Tensor, Tensor];
    const nearest = argMax(matmul(first, second, { transposeB: true }), 1);
    return { losses: { contrastive: contrast(first, second, temperature) }, report: { matched: share(equal(nearest, iota(size))) } };
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
    views: viewConfig.prefault({ cutout: 0.5 }).describe('what is done to both images of a pair'),
  }),
  losses({ E, uniform, batch: { image, neighbour }, options: { views, ...weights } }) {
    const view = (of: Tensor, name: string) => viewOf(of, views, (draw) => uniform(`${name} ${draw}`));
    const { logit } = E(view(image, 'image')), other = E(view(neighbour, 'neighbour')).logit;
    return { losses: partitionTerms(logit, other, weights), report: { entropy: entropyOfMean(logit), together: share(equal(argMax(logit, 1), argMax(other, 1))) } };
  },
});
