/** @file The encoder that an inversion starts from, trained on a generator's own images: a feature r of an image, and from it the latents and the label that it was made of. */
import { z } from 'zod';
import { argMax, crossEntropy, defineLearner, equal, mean, mul, share, slice, square, sub } from '../../engine/index.js';

export const inverter = defineLearner({
  name: 'inverter',
  about: 'An encoder that tells what a generator made its images of (Liu et al., 2020, section on reconstructions): latents, by the squared error, and labels, by the cross-entropy, where there is more than one.',
  batch: { image: 'f32[B,...S]', z: 'f32[B,Z]', 'label?': 'i64<K>[B]' },
  head: 'inverse',
  parts(type) {
    const latent = type('z')!.dims[1], labels = type('label')?.below ?? 0;
    // An open size is refused with its place, before this number is used.
    return (typeof latent === 'number' ? latent : 1) + (typeof labels === 'number' && labels > 1 ? labels : 0);
  },
  options: z.strictObject({
    labels: z.number().min(0).default(0.1).describe('weight of the label\'s cross-entropy beside the squared error of latents, a mean over their width. The paper says neither this nor the network nor its optimiser: all are ours'),
  }),
  losses({ E, batch: { image, z: latents, label }, options: { labels: weight } }) {
    const { logit } = E(image), width = latents.dims[1] as number, all = logit.dims[1] as number;
    const latent = mean(square(sub(slice(logit, 1, 0, width), latents)));
    const scores = label && all > width ? slice(logit, 1, width, all) : undefined;
    return {
      losses: { latent, ...(scores && { label: mul(mean(crossEntropy(scores, label!)), weight) }) },
      report: { ...(scores && { right: share(equal(argMax(scores, 1), label!)) }) },
    };
  },
});
