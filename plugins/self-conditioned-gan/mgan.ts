/** @file MGAN (Hoang et al., "MGAN: Training Generative Adversarial Nets with Multiple Generators", ICLR 2018), a baseline of Self-Conditioned GAN's tables. */
import { z } from 'zod';
import { adversarial, adversarialNames, argMax, crossEntropy, defineMethod, equal, mean, mul, share, stopGradient, type Judgement, type Tensor } from '../../engine/index.js';

export const mgan = defineMethod({
  name: 'mgan',
  about: 'A generator for each label, all of whose layers but the first are shared, and a classifier on the discriminator\'s own layers by which they stay apart (Hoang et al., 2018).',
  batch: { image: 'f32[B,...S]', label: 'i64<K>[B]' },
  condition: { label: 'label' },
  classifies: true,
  options: z.strictObject({
    loss: z.enum(adversarialNames).default('logistic'),
    diversity: z.number().min(0).default(0.125).describe('weight of the classifier\'s cross-entropy in both networks\' losses (beta; 0.125 in the method\'s own 2-D runs)'),
  }),
  phases: ({ G, D, batch: { image, label }, z: latent, options: { loss, diversity } }) => {
    const given = { label }, made = () => G(latent(), given), told: Tensor[] = [];
    const apart = ({ classes }: Judgement) => mul(mean(crossEntropy(classes!, label)), diversity);
    return [
      {
        trains: 'discriminator',
        losses: () => {
          const fake = D(stopGradient(made()), given);
          told.push(fake.classes!);
          return { real: adversarial[loss].real(D(image, given).logit), fake: adversarial[loss].fake(fake.logit), classes: apart(fake) };
        },
        report: (): Readonly<Record<string, Tensor>> => ({ told_apart: share(equal(argMax(told.at(-1)!, 1), label)) }),
      },
      {
        trains: 'generator',
        losses: () => {
          const fake = D(made(), given);
          return { adversarial: adversarial[loss].fool(fake.logit), classes: apart(fake) };
        },
      },
    ];
  },
});
