/** @file The networks of the 2-D benchmarks: batch-normalised G, maxout D (Self-Conditioned GAN; section 1.2 of its facts). */
import { z } from 'zod';
import { batchNorm, concat, cos, defineBackbone, div, linear, matmul, maxout, mul, relu, reshape, sin, sqrt, square, sum, type Initialiser, type Scope, type Tensor } from '../../engine/index.js';
import { classifies, firstLayer, heads, labelsConfig, packConfig, packed } from './conditioning.js';
import { count } from './settings.js';

const positive = z.number().positive();

const fourier = z.strictObject({
  count: count(128),
  longest: positive.describe('the longest wave, in the data\'s unit: twice the extent of the data or more'),
  shortest: positive.describe('the shortest wave: some twenty standard deviations of a mode'),
});

/** Wave vectors [N,2] in all directions, the logarithms of their wavelengths uniform. */
const waveVectors = (shortest: number, longest: number): Initialiser => (dims, draws) => {
  const u = draws.uniform(2 * dims[0]!);
  return Float32Array.from(u, (_, i) => {
    const n = i >> 1, size = (2 * Math.PI) / (shortest * (longest / shortest) ** u[2 * n]!), angle = 2 * Math.PI * u[2 * n + 1]!;
    return size * (i % 2 ? Math.sin(angle) : Math.cos(angle));
  });
};

/**
 * Points f32[N,2] and the sines and cosines of fixed plane waves there, f32[N,2 + 2 count] (Fourier features; Tancik et al., 2020). Each is as large as its wave is long, the
 * shortest 1/40: all are equally steep, so that what is learnt first is what varies slowly. The points themselves, as steep, say where they are beyond the longest wave, too.
 */
function asWaves(s: Scope, x: Tensor, { count, shortest, longest }: z.infer<typeof fourier>): Tensor {
  const steep = (2 * Math.PI) / (40 * shortest);
  const vectors = s.buffer('vectors', [count, x.dims[1] as number], waveVectors(shortest, longest)).value;
  const phase = matmul(x, vectors, { transposeB: true }), size = reshape(div(steep, sqrt(sum(square(vectors), 1))), [1, count]);
  return concat([mul(x, steep), mul(sin(phase), size), mul(cos(phase), size)], 1);
}

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
    labels: labelsConfig,
    pack: packConfig,
    fourier: fourier.optional().describe('Fourier features: the discriminator sees points as sines and cosines of plane waves, so that it can tell details that are small beside the extent; the published one sees points as they are'),
  }),
  conditions: ['none', 'label'],
  refuses: (image, { fourier }) => (image.length === 1 && (!fourier || image[0] === 2) ? undefined : 'it makes points, f32[N,2]'),
  pack: (c) => c.pack,
  classifies: (c) => classifies(c),
  perImage: true,
  latent: (c) => c.latent,
  generator(s, latent, condition, c, image) {
    const active = (i: number, h: Tensor) => relu(batchNorm(s.at(`layer${i}.norm`), h));
    let h = active(1, firstLayer(s, 'layer1.linear', latent, condition, c, c.generator));
    for (let i = 2; i <= 4; i++) h = active(i, linear(s.at(`layer${i}.linear`), h, c.generator));
    return linear(s.at('out'), h, image[0]!);
  },
  discriminator(s, x, condition, c) {
    let feature = packed(c.fourier ? asWaves(s.at('waves'), x, c.fourier) : x, c.pack);
    for (let i = 1; i <= 3; i++) feature = maxout(linear(s.at(`layer${i}.linear`), feature, c.discriminator * c.pool), c.pool);
    return { feature, ...heads(s, 'out', feature, condition, c) };
  },
});
