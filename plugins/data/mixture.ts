/** @file `data/mixture`: the 2-D mixtures of Gaussians on which mode collapse can be counted exactly. */
import { z } from 'zod';
import { defineNode, int64, tensor, transient, type Dataset, type LabelledImages, type Random } from '../../engine/index.js';
import { serve } from './batches.js';
import { contentKey } from './content-key.js';

const Config = z.strictObject({
  layout: z.enum(['ring', 'grid']),
  modes: z.int().min(1).default(8).describe('Gaussians on the ring.'),
  radius: z.number().positive().default(2).describe('Of the ring: 2 in the released code, 1 in the paper.'),
  angle: z.enum(['sin-cos', 'cos-sin']).default('sin-cos').describe('Mean i of the ring at (r sin t, r cos t) as the released code has it, or (r cos t, r sin t) as the paper has it; t = 2 pi i / modes.'),
  side: z.int().min(1).default(5).describe('Rows and columns of the grid.'),
  spacing: z.number().positive().default(2).describe('Distance of neighbours on the grid.'),
  variance: z.number().positive().optional().describe('Of each axis within a mode; 1e-4 on the ring and 0.0025 on the grid unless given.'),
  points: z.int().min(1).default(100_000).describe('Size of the training set, drawn once.'),
  batch: z.int().min(1).default(100),
});
export type MixtureConfig = z.infer<typeof Config>;

/** Means [K,2], row by row: ring by angle, grid by label = side * i + j at (spacing (i - c), spacing (j - c)), c = (side - 1) / 2. */
export function means({ layout, modes, radius, angle, side, spacing }: MixtureConfig): Float32Array {
  if (layout === 'ring')
    return Float32Array.from({ length: 2 * modes }, (_, i) => {
      const t = (2 * Math.PI * (i >> 1)) / modes;
      return radius * ((i % 2 === 0) === (angle === 'sin-cos') ? Math.sin(t) : Math.cos(t));
    });
  return Float32Array.from({ length: 2 * side * side }, (_, i) => {
    const mode = i >> 1;
    return spacing * ((i % 2 === 0 ? Math.floor(mode / side) : mode % side) - (side - 1) / 2);
  });
}

const modesOf = (config: MixtureConfig) => (config.layout === 'ring' ? config.modes : config.side ** 2);

/** The mixture as a data set of `points` draws, with `fresh` for new ones. */
export function mixtureDataset(config: MixtureConfig, random: Random): Dataset {
  const centres = means(config), classes = modesOf(config);
  const variance = config.variance ?? (config.layout === 'ring' ? 1e-4 : 0.0025);
  const fresh = (count: number, from: Random): LabelledImages => {
    const labels = from.integers(count, classes), noise = from.normal(2 * count);
    const sigma = Math.sqrt(variance);
    const points = noise.map((n, i) => centres[2 * labels[i >> 1]! + (i % 2)]! + sigma * n);
    return { image: tensor('f32', [count, 2], points), label: int64(labels) };
  };
  const all = fresh(config.points, random);
  const points = all.image.data as Float32Array, labels = all.label.data as BigInt64Array;
  return {
    [transient]: true,
    name: `mixture (${config.layout} of ${classes})`,
    key: contentKey(points),
    size: config.points,
    image: { dtype: 'f32', dims: [2] },
    classes,
    labels: Int32Array.from(labels, Number),
    mixture: { means: centres, variance },
    fresh,
    read: (indices) => ({
      image: tensor('f32', [indices.length, 2], Float32Array.from({ length: 2 * indices.length }, (_, i) => points[2 * indices[i >> 1]! + (i % 2)]!)),
      label: tensor('i64', [indices.length], BigInt64Array.from(indices as Iterable<number>, (i) => labels[i]!)),
    }),
  };
}

export const mixture = defineNode({
  name: 'data/mixture',
  about: 'Points of a 2-D mixture of Gaussians, on a ring or a grid; the label is the Gaussian.',
  config: Config,
  inputs: {},
  outputs: { image: 'f32[B,2]', label: 'i64<L>[B]', index: 'i64[B]', dataset: '@dataset[L,2]' },
  dims: (config) => ({ B: config.batch, L: modesOf(config) }),
  start: (config, context) => serve(mixtureDataset(config, context.random('points')), config.batch, context),
});
