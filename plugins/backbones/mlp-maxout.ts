/** @file The networks of the 2-D benchmarks: batch-normalised G, maxout D (Self-Conditioned GAN; section 1.2 of its facts). */
import { z } from 'zod';
import { batchNorm, defineBackbone, linear, maxout, relu } from '../../engine/index.js';
import { maskHead, withEmbedding } from './conditioning.js';

const count = (fallback: number) => z.number().int().positive().default(fallback);

export const mlpMaxout = defineBackbone({
  name: 'mlp-maxout',
  about: 'Multi-layer perceptrons for points: batch-normalised generator, maxout discriminator.',
  config: z.strictObject({
    type: z.literal('mlp-maxout'),
    latent: count(2).describe('width of z'),
    embedding: count(32).describe('width of the label embedding'),
    generator: count(400).describe('width of the generator\'s layers'),
    discriminator: count(200).describe('width of the discriminator\'s maxout layers'),
    pool: count(5).describe('linear outputs that compete in a maxout unit'),
  }),
  conditions: ['none', 'label'],
  refuses: (image) => (image.length === 1 ? undefined : 'it makes points, f32[N,2]'),
  perImage: true,
  latent: (c) => c.latent,
  generator(s, latent, condition, c, image) {
    let h = withEmbedding(s.at('embedding'), latent, condition, c.embedding);
    for (let i = 1; i <= 4; i++) h = relu(batchNorm(s.at(`layer${i}.norm`), linear(s.at(`layer${i}.linear`), h, c.generator)));
    return linear(s.at('out'), h, image[0]!);
  },
  discriminator(s, x, condition, c) {
    let feature = x;
    for (let i = 1; i <= 3; i++) feature = maxout(linear(s.at(`layer${i}.linear`), feature, c.discriminator * c.pool), c.pool);
    return { feature, logit: maskHead(s.at('out'), feature, condition) };
  },
});
