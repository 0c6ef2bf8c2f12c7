/** @file Partition-Guided GAN (Armandpour et al., CVPR 2021): one generator a part of the data, with shared parameters, guided into its part by a frozen partitioner. */
import { z } from 'zod';
import { adversarial, adversarialNames, crossEntropy, defineMethod, discriminatorLosses, mean, mul, penaltyConfig, share, stopGradient, type Tensor } from '../../engine/index.js';
import { accepted, annealed, guide, guideReductions } from './losses.js';

export const pgmgan = defineMethod({
  name: 'pgmgan',
  about: 'Conditional GAN whose labels are parts of the data; a frozen partitioner, where one is wired, guides every generated image into its part (Armandpour et al., 2021).',
  batch: { image: 'f32[B,...S]', label: 'i64<K>[B]', 'partitioner?': { latest: '@partitioner[K,...S]' } },
  condition: { label: 'label' },
  options: z.strictObject({
    loss: z.enum(adversarialNames).default('hinge'),
    penalty: penaltyConfig.prefault({}).describe('of the discriminator\'s gradient; neither the paper nor its code has one'),
    latents: z.enum(['shared', 'fresh']).default('shared').describe('of a generator step: those of the discriminator step before it, as published, by which modes come out too narrow (by a half with 4 images a mode and batch); or fresh ones'),
    steps: z.int().min(1).default(4).describe('discriminator updates to each generator update, one a wave'),
    guide: z.strictObject({
      kind: z.enum(['guide', 'cross-entropy']).default('guide').describe('the paper\'s equation 6, or the term of an auxiliary classifier in its place'),
      reduction: z.enum(guideReductions).default('mean').describe('over parts: the paper\'s equation 6 sums, its code averages; its weights are for the mean'),
      weight: z.number().min(0).default(6).describe('at first'),
      slope: z.number().max(0).default(-0.00012).describe('change of the weight a generator step'),
      floor: z.number().min(0).default(1e-4).describe('the weight at last; 0 in the published settings for CIFAR-10'),
    }).prefault({}).describe('of generated images into their parts; none where no partitioner is wired'),
  }),
  schedules: ({ steps, guide: { weight, slope, floor } }) => ({ guide: annealed(weight, slope, floor, steps) }),
  phases: ({ G, D, scores, uniform, partition, batch: { image, label }, z: latent, schedule, options: { loss, penalty, latents, steps, guide: { kind, reduction } } }) => {
    const given = { label }, made = (name: string) => G(latent(name), given);
    const asked: Tensor[] = [];
    return [
      {
        trains: 'discriminator',
        losses: () => discriminatorLosses({ D, scores, uniform }, adversarial[loss], image, stopGradient(made('z')), given, penalty),
      },
      {
        trains: 'generator', every: steps,
        losses: () => {
          const fakes = made(latents === 'fresh' ? 'fool' : 'z'), logit = partition?.(fakes).logit;
          if (logit) asked.push(logit);
          const astray = logit && (kind === 'guide' ? guide(logit, label, reduction) : crossEntropy(logit, label));
          return { adversarial: adversarial[loss].fool(D(fakes, given).logit), ...(astray && { guide: mul(mean(astray), schedule.guide!) }) };
        },
        report: (): Readonly<Record<string, Tensor>> => (asked.length ? { guide_weight: schedule.guide!, accepted: share(accepted(asked.at(-1)!, label)) } : {}),
      },
    ];
  },
});
