/** @file The sizes of BigGAN's networks by the side of the images (sections 2.1 and 2.2 of IC-GAN's facts), and its settings. */
import { z } from 'zod';
import { count } from './settings.js';

const sides = z.array(z.int().positive()).optional();

export const bigganConfig = z.strictObject({
  type: z.literal('biggan'),
  latent: count(120).describe('width of z, which every block gets a piece of; what does not divide evenly is left out (119 at 256x256)'),
  generator: count(64).describe('channel multiplier of the generator'),
  discriminator: count(64).describe('channel multiplier of the discriminator'),
  label_embedding: count(128).describe('width of a label\'s embedding, which all blocks share'),
  vector_embedding: count(512).describe('width of the linear embedding of a vector, which all blocks share'),
  attention: z.strictObject({ generator: sides, discriminator: sides }).prefault({})
    .describe('sides of images: self-attention follows the blocks that give them. Unless set, as published: 32 for 64x64, 64 for larger images, none for 32x32'),
  head: z.enum(['projection', 'linear']).default('projection')
    .describe('how the discriminator takes a label: the feature along the label\'s embedding, or, as in Partition-Guided GANs, an output a label of a linear layer with bias'),
  init: z.enum(['ortho', 'N02', 'xavier']).default('ortho').describe('first values of weights: orthogonal, normal with deviation 0.02, or uniform as Glorot and Bengio\'s'),
  unconditional: z.enum(['one-label', 'none']).default('one-label')
    .describe('what stands for the condition where there is none: a single label, as in the published baseline, or nothing'),
});
export type BigganConfig = z.infer<typeof bigganConfig>;

/** Channels as multiples, the first being what the first block takes (the generator) or gives (the discriminator), and how many discriminator blocks halve. */
interface Sizes { readonly generator: readonly number[]; readonly discriminator: readonly number[]; readonly halved: number }
const SIZES: Readonly<Record<number, Sizes>> = {
  32: { generator: [4, 4, 4, 4], discriminator: [4, 4, 4, 4], halved: 2 },
  64: { generator: [16, 16, 8, 4, 2], discriminator: [1, 2, 4, 8, 16], halved: 4 },
  128: { generator: [16, 16, 8, 4, 2, 1], discriminator: [1, 2, 4, 8, 16, 16], halved: 5 },
  256: { generator: [16, 16, 8, 8, 4, 2, 1], discriminator: [1, 2, 4, 8, 8, 16, 16], halved: 6 },
};

/** A block of a network: the channels it gives, and whether attention follows. */
export interface Block { readonly channels: number; readonly attention: boolean }
export interface Plan {
  /** Channels of the 4x4 images that the generator starts from, and its blocks, each of which doubles the side. */
  readonly start: number;
  readonly generator: readonly Block[];
  /** The discriminator's blocks, each of which may halve the side. */
  readonly discriminator: readonly (Block & { readonly halves: boolean })[];
  /** Width of each piece of z: one for the start, one for every block. */
  readonly piece: number;
}

const published = (side: number): readonly number[] => (side === 32 ? [] : [side === 64 ? 32 : 64]);

/** The networks for images of a side; undefined where there are none. */
export function planOf(side: number, c: BigganConfig): Plan | undefined {
  const sizes = SIZES[side];
  if (!sizes) return undefined;
  const attention = (network: 'generator' | 'discriminator') => c.attention[network] ?? published(side);
  const [start, ...made] = sizes.generator.map((m) => m * c.generator);
  return {
    start: start!,
    generator: made.map((channels, i) => ({ channels, attention: attention('generator').includes(8 * 2 ** i) })),
    discriminator: sizes.discriminator.map((m, i) => ({
      channels: m * c.discriminator, halves: i < sizes.halved,
      // The published table for 32x32 calls the images after all four blocks 16x16, though the last three give 8x8: attention follows all or none.
      attention: attention('discriminator').includes(side === 32 ? 16 : side / 2 ** Math.min(i + 1, sizes.halved)),
    })),
    piece: Math.floor(c.latent / sizes.generator.length),
  };
}

/** Why there are no networks for images [C,H,W], if there are none. */
export function refusal([, height, width]: readonly number[], c: BigganConfig): string | undefined {
  const plan = height === width ? planOf(height!, c) : undefined, pieces = plan && plan.generator.length + 1;
  if (!plan) return `it wants images of ${Object.keys(SIZES).map((side) => `${side}x${side}`).join(', ')}`;
  if (!plan.piece) return `z of ${c.latent} does not give ${pieces} pieces, one for the start and one for each block (config.backbone.latent)`;
  for (const network of ['generator', 'discriminator'] as const) {
    const narrow = plan[network].find(({ channels, attention }) => attention && channels < 8);
    if (narrow) return `attention wants 8 channels or more; the ${network} has ${narrow.channels} there (config.backbone.attention.${network})`;
    const after = plan[network].filter(({ attention }) => attention).length, asked = c.attention[network];
    if (asked?.length && !after) return `no block of the ${network} gives images of ${asked.map((side) => `${side}x${side}`).join(' or ')} (config.backbone.attention.${network})`;
  }
  return undefined;
}
