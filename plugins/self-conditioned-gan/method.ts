/** @file Self-Conditioned GAN (Liu et al., CVPR 2020): a conditional GAN whose labels are clusters of the discriminator's own features. */
import { z } from 'zod';
import { defineMethod, hinge, logistic, r1, stopGradient, wasserstein } from '../../engine/index.js';

const losses = { logistic, hinge, wasserstein };

export const selfConditioned = defineMethod({
  name: 'self-conditioned',
  about: 'Conditional GAN with the logistic loss and R1, one discriminator and one generator step a wave with the same latents and labels (Liu et al., 2020).',
  batch: { image: 'f32[B,...S]', label: 'i64<K>[B]' },
  condition: { label: 'label' },
  options: z.strictObject({
    loss: z.enum(['logistic', 'hinge', 'wasserstein']).default('logistic').describe('the paper prints the minimax form of the logistic loss, its code trains the non-saturating one: this is the code\'s'),
    r1: z.number().min(0).default(0).describe('weight of the squared gradient norm on real images, without the 1/2 of Mescheder et al. (their gamma is twice this)'),
  }),
  phases: ({ G, D, scores, batch: { image, label }, z: latent, options }) => {
    const { real, fake, fool } = losses[options.loss];
    const given = { label }, made = () => G(latent(), given);
    const discriminate = () => {
      const [onReal, onFake] = scores([image, given], [stopGradient(made()), given]);
      return { real: real(onReal!), fake: fake(onFake!) };
    };
    // The penalty differentiates the scores of real images, so these go through D by themselves.
    const discriminateSmoothly = () => {
      const { logit } = D(image, given);
      return { real: real(logit), penalty: r1(logit, image, options.r1), fake: fake(D(stopGradient(made()), given).logit) };
    };
    return [
      { trains: 'discriminator', losses: options.r1 > 0 ? discriminateSmoothly : discriminate },
      { trains: 'generator', losses: () => ({ adversarial: fool(D(made(), given).logit) }) },
    ];
  },
});
