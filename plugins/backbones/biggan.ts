/** @file BigGAN (Brock, Donahue and Simonyan, ICLR 2019) as Instance-Conditioned GAN has it (section 2 of its facts): residual networks under spectral norm. */
import {
  add, concat, conditionalBatchNorm, constant, defineBackbone, embedding, linear, mul, named, normal, orthogonal, relu, reshape, selfAttention, slice, spectralNorm,
  split, sum, xavier, type Condition, type Scope, type Tensor, type WeightOptions,
} from '../../engine/index.js';
import { bigganConfig, planOf, refusal, type BigganConfig } from './biggan-plan.js';
import { maskHead } from './conditioning.js';
import { discriminatorBlock, generatorBlock, imageOf } from './residual-blocks.js';

const initialisers = { ortho: orthogonal(), N02: normal(0.02), xavier: xavier() };
const normalised = (s: Scope, stored: Tensor) => spectralNorm(s, stored, { epsilon: 1e-6 });
const weightsOf = ({ init }: BigganConfig): WeightOptions => ({ init: initialisers[init], weight: normalised });

export const biggan = defineBackbone({
  name: 'biggan',
  about: 'BigGAN: residual networks with spectral norm, self-attention, conditional batch norm and a projection discriminator, for square images of 32 to 256.',
  config: bigganConfig,
  conditions: ['none', 'label', 'vector', 'both'],
  refuses: refusal,
  perImage: true,
  latent: (c, [, side]) => { const plan = planOf(side!, c)!; return plan.piece * (plan.generator.length + 1); },
  generator(s, z, condition, c, [colours, side]) {
    const plan = planOf(side!, c)!, weights = weightsOf(c), batch = z.dims[0]!;
    const [first, ...pieces] = split(z, Array<number>(plan.generator.length + 1).fill(plan.piece), 1), shared = sharedEmbedding(s, z, condition, c);
    let h = reshape(named('seed', s, (s) => linear(s, first!, 16 * plan.start, weights)), [batch, plan.start, 4, 4]);
    plan.generator.forEach(({ channels, attention }, i) => {
      const condition = concat([...shared, pieces[i]!], 1), norm = (s: Scope, x: Tensor) => conditionalBatchNorm(s, x, condition, weights);
      h = named(`block${i + 1}`, s, (s) => generatorBlock(s, h, channels, norm, weights));
      if (attention) h = named(`attention${i + 1}`, s, (s) => selfAttention(s, h, weights));
    });
    return imageOf(s, h, colours!, weights);
  },
  discriminator(s, image, condition, c) {
    const plan = planOf(image.dims[2] as number, c)!, weights = weightsOf(c);
    let h = image;
    plan.discriminator.forEach(({ channels, halves, attention }, i) => {
      h = named(`block${i + 1}`, s, (s) => discriminatorBlock(s, h, channels, { first: i === 0, halves, ...weights }));
      if (attention) h = named(`attention${i + 1}`, s, (s) => selfAttention(s, h, weights));
    });
    const feature = sum(relu(h), [2, 3]), score = named('score', s, (s) => linear(s, feature, 1, weights));
    const logit = [score, ...conditionScores(s, feature, condition, c)].reduce((a, b) => add(a, b));
    return { feature, logit: reshape(logit, [image.dims[0]!]) };
  },
});

/** What every block of the generator is conditioned on, beside its piece of z: the label's embedding, then the vector's. f32[N,…] each, or nothing. */
function sharedEmbedding(s: Scope, z: Tensor, { label, labels, vector }: Condition, c: BigganConfig): readonly Tensor[] {
  const { init, weight } = weightsOf(c), table = (rows: Tensor, count: number) => embedding(s.at('label'), rows, count, c.label_embedding, { init });
  const parts = [
    ...(label ? [table(label, labels)] : []),
    ...(vector ? [named('vector', s, (s) => linear(s, vector, c.vector_embedding, { init, weight }))] : []),
  ];
  if (parts.length || c.unconditional === 'none') return parts;
  // The one label's row, for as many images as there are latents.
  return [add(mul(slice(z, 1, 0, 1), 0), table(constant([0], 'i64'), 1))];
}

/**
 * What the condition adds to the score, f32[N,1] each: how far the feature goes in the direction of the condition (the label's half first, where label and vector
 * share it), or with a linear head the label's own output, to which a vector adds its direction.
 */
function conditionScores(s: Scope, feature: Tensor, given: Condition, c: BigganConfig): readonly Tensor[] {
  const { vector } = given, weights = weightsOf(c), width = feature.dims[1] as number;
  const only = !given.label && !vector && c.unconditional === 'one-label', condition = only ? { ...given, label: constant([0], 'i64'), labels: 1 } : given;
  const { label, labels } = condition, projects = label && c.head !== 'linear', share = projects && vector ? width / 2 : width;
  const direction = [
    ...(projects ? [named('label', s, (s) => embedding(s, label, labels, share, weights))] : []),
    ...(vector ? [named('vector', s, (s) => linear(s, vector, share, weights))] : []),
  ];
  return [
    ...(label && !projects ? [reshape(named('label', s, (s) => maskHead(s, feature, condition, weights)), [-1, 1])] : []),
    ...(direction.length ? [sum(mul(concat(direction, 1), feature), [1], true)] : []),
  ];
}
