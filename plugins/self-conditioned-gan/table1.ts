/** @file Table 1 of Self-Conditioned GAN: modes, high quality and reverse KL on the 2-D mixtures, with the paper's cells (ten trials each). */
import type { Table } from '../../engine/index.js';
import { graph, paper, type Cell } from './cells.js';

export const metrics = [
  { name: 'modes', from: 'quality.modes', digits: 1 },
  { name: 'high quality, % (box)', from: 'quality.high_quality_box', scale: 100, digits: 2 },
  { name: 'reverse KL, nats', from: 'quality.reverse_kl', digits: 5 },
  { name: 'variance / data\'s', from: 'quality.variance_ratio', digits: 2 },
] as const;

const named = (cells: readonly [Cell, Cell, Cell]) => paper(Object.fromEntries(cells.map((cell, i) => [metrics[i]!.name, cell])));
const rows = (row: string, suffix: string, ring: readonly [Cell, Cell, Cell], grid: readonly [Cell, Cell, Cell]) => [
  { row, data: 'ring', graph: graph(`ring${suffix}`), paper: named(ring) },
  { row, data: 'grid', graph: graph(`grid${suffix}`), paper: named(grid) },
];

export const table1: Table = {
  name: 'self-cond-table1',
  about: 'Modes, high-quality samples and reverse KL on the ring of 8 and the grid of 25 Gaussians.',
  source: 'Liu et al., Diverse Image Generation via Self-Conditioned GANs, CVPR 2020, table 1',
  trials: 3,
  metrics,
  rows: [
    ...rows('GAN', '-gan', [[6.3, 0.5], [98.2, 0.2], [0.45, 0.09]], [[17.3, 0.8], [94.8, 0.7], [0.7, 0.07]]),
    ...rows('PacGAN2', '-pacgan-2', [[7.9, 0.1], [95.6, 2.0], [0.07, 0.03]], [[23.8, 0.7], [91.3, 0.8], [0.13, 0.04]]),
    ...rows('PacGAN3', '-pacgan-3', [[7.8, 0.1], [97.7, 0.3], [0.1, 0.02]], [[24.6, 0.4], [94.2, 0.4], [0.06, 0.02]]),
    ...rows('PacGAN4', '-pacgan-4', [[7.8, 0.1], [95.9, 1.4], [0.07, 0.02]], [[24.8, 0.2], [93.6, 0.6], [0.04, 0.01]]),
    ...rows('MGAN', '-mgan', [[7.6, 0.2], [80.3, 1.7], [0.32, 0.06]], [[22.5, 0.6], [51.1, 1.6], [0.36, 0.06]]),
    ...rows('Random labels', '-random-labels', [[7.9, 0.1], [96.3, 1.1], [0.07, 0.02]], [[16, 1], [90.6, 1.6], [0.57, 0.07]]),
    ...rows('Self-Conditioned GAN', '', [[8, 0], [99.5, 0.3], [0.0014, 0.0002]], [[25, 0], [99.5, 0.1], [0.0063, 0.0007]]),
    ...rows('Self-Conditioned GAN, online', '-online', [[8, 0], [99.9, 0], [0.00349, 0]], [[25, 0], [99.1, 0], [0.00122, 0]]),
  ],
};
