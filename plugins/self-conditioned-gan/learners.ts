/** @file Encoders whose clusters Self-Conditioned GAN is compared with: an auto-encoder's (Logo-GAN-AE), and one that tells how images are turned (RotNet). */
import { z } from 'zod';
import { argMax, concat, constant, crossEntropy, defineLearner, equal, mean, reversed, share, square, sub, transpose, type Tensor } from '../../engine/index.js';

export const autoencoder = defineLearner({
  name: 'autoencoder',
  about: 'An auto-encoder: features from which a decoder makes the image again, by the mean squared error. Their clusters are the labels of Logo-GAN-AE (Sage et al., 2018).',
  batch: { image: 'f32[B,...S]' },
  head: 'image',
  options: z.strictObject({}),
  losses: ({ E, batch: { image } }) => ({ losses: { reconstruction: mean(square(sub(E(image).logit, image))) } }),
});

/** Square images f32[N,C,R,R] by no, one, two and three quarter turns to the left. */
export const quarterTurns = (image: Tensor): readonly Tensor[] => {
  const sideways = transpose(image, [0, 1, 3, 2]);
  return [image, reversed(sideways, 2), reversed(reversed(image, 2), 3), reversed(sideways, 3)];
};

export const rotation = defineLearner({
  name: 'rotation',
  about: 'An encoder that tells by which of four quarter turns an image was turned (RotNet; Gidaris et al., 2018); every image of a batch is shown in all four.',
  batch: { image: 'f32[B,C,R,R]' },
  head: 'linear',
  options: z.strictObject({}),
  losses({ E, batch: { image } }) {
    const turned = quarterTurns(image), count = image.dims[0] as number;
    const label = constant(turned.flatMap((_, turn) => Array<number>(count).fill(turn)), 'i64'), { logit } = E(concat(turned));
    return {
      losses: { cross_entropy: mean(crossEntropy(logit, label)) },
      report: { accuracy: share(equal(argMax(logit, 1), label)) },
    };
  },
});
