/** @file Self-Conditioned GAN (Liu et al., CVPR 2020): a conditional GAN whose labels are clusters of the discriminator's own features. */
import { z } from 'zod';
import { adversarial, adversarialNames, defineMethod, discriminatorLosses, penaltyConfig, stopGradient } from '../../engine/index.js';

export const selfConditioned = defineMethod({
  name: 'self-conditioned',
  about: 'Conditional GAN with the logistic loss and a gradient penalty, one discriminator and one generator step a wave with the same latents and labels (Liu et al., 2020).',
  batch: { image: 'f32[B,...S]', label: 'i64<K>[B]' },
  condition: { label: 'label' },
  options: z.strictObject({
    loss: z.enum(adversarialNames).default('logistic').describe('the paper prints the minimax form of the logistic loss, its code trains the non-saturating one: this is the code\'s'),
    penalty: penaltyConfig.prefault({}).describe('of the discriminator\'s gradient: 0.1 on real images as published'),
  }),
  phases: ({ G, D, scores, uniform, batch: { image, label }, z: latent, options: { loss, penalty } }) => {
    const given = { label }, made = () => G(latent(), given);
    return [
      { trains: 'discriminator', losses: () => discriminatorLosses({ D, scores, uniform }, adversarial[loss], image, stopGradient(made()), given, penalty) },
      { trains: 'generator', losses: () => ({ adversarial: adversarial[loss].fool(D(made(), given).logit) }) },
    ];
  },
});
