/** @file Instance-Conditioned GAN (Casanova et al., NeurIPS 2021): real images are neighbours of an instance, whose feature conditions both networks. */
import { z } from 'zod';
import {
  adversarial, adversarialNames, augmentationPolicies, augmented, defineMethod, mirrored, mul, offDiagonalGram, stopGradient,
  type Given, type Tensor,
} from '../../engine/index.js';

const strength = z.number().min(0).default(0);

export const icGan = defineMethod({
  name: 'ic-gan',
  about: 'Conditional GAN with the hinge loss whose condition is an instance\'s feature, a class, both or nothing (Casanova et al., 2021; without features: BigGAN).',
  batch: {
    image: 'f32[B,...S]', 'label?': 'i64<K>[B]', 'vector?': 'f32[B,E]',
    'fake_label?': 'i64<K>[B]', 'fake_vector?': 'f32[B,E]', 'fool_label?': 'i64<K>[B]', 'fool_vector?': 'f32[B,E]',
  },
  condition: { label: 'label', vector: 'vector' },
  options: z.strictObject({
    loss: z.enum(adversarialNames).default('hinge').describe('the paper\'s equation 1 is the logistic loss; its BigGAN is trained with the hinge'),
    steps: z.int().min(1).default(1).describe('discriminator updates before each generator update, each on its own part of the batch'),
    mirror: z.enum(['none', 'real', 'both']).default('none').describe('random left-right flips: of real images, as the code has them, or of real and generated ones, as the paper\'s tables say'),
    augment: z.array(z.enum(augmentationPolicies)).default([]).describe('DiffAugment of everything that the discriminator sees'),
    orthogonal: z.strictObject({ generator: strength, discriminator: strength }).prefault({}).describe('strength of the modified orthogonal regularisation (Brock et al., 2019); class tables of the generator are exempt'),
  }),
  phases: ({ G, D, scores, batch, z: latent, uniform, leaves, options: { loss, steps, mirror, augment, orthogonal } }) => {
    const { real, fake, fool } = adversarial[loss];
    /** What the discriminator sees of images; `as` names their draws. */
    const seen = (image: Tensor, as: 'real' | 'fake' | 'fool') => {
      const flipped = mirror === 'both' || (mirror === 'real' && as === 'real') ? mirrored(image, uniform(`mirror ${as}`)) : image;
      return augmented(flipped, augment, (name) => uniform(`${name} ${as}`));
    };
    const given: Given = { label: batch.label, vector: batch.vector };
    const faked: Given = { label: batch.fake_label ?? given.label, vector: batch.fake_vector ?? given.vector };
    const fooled: Given = { label: batch.fool_label ?? faked.label, vector: batch.fool_vector ?? faked.vector };
    const regular = (network: 'generator' | 'discriminator'): Readonly<Record<string, Tensor>> => {
      const weight = orthogonal[network];
      if (!weight) return {};
      const matrices = leaves(network).filter(({ path, dims }) => dims.length > 1 && !(network === 'generator' && path.startsWith('label.')));
      return { orthogonal: mul(offDiagonalGram(matrices.map(({ value }) => value)), weight) };
    };
    return [
      {
        trains: 'discriminator', times: steps,
        losses: () => {
          const [onFake, onReal] = scores([seen(stopGradient(G(latent(), faked)), 'fake'), faked], [seen(batch.image, 'real'), given]);
          return { real: real(onReal!), fake: fake(onFake!), ...regular('discriminator') };
        },
      },
      {
        trains: 'generator',
        losses: () => ({ adversarial: fool(D(seen(G(latent('z fool'), fooled), 'fool'), fooled).logit), ...regular('generator') }),
      },
    ];
  },
});
