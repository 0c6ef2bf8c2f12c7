/** @file Table 2 of Self-Conditioned GAN: stacked MNIST and CIFAR-10, with the paper's cells (five trials each). */
import type { Table, TableRow } from '../../engine/index.js';
import { graph, paper, type Cell } from './cells.js';

/** What is measured here stands beside the paper's columns, never in them, unless it is the same quantity: its FID and IS are Inception's, and the base of its divergences is not printed. */
const PAPERS = ['reverse KL, base not printed', 'FID', 'IS'] as const;
const metrics: Table['metrics'] = [
  { name: 'modes', from: 'quality.modes', digits: 1 },
  { name: PAPERS[0], digits: 4 },
  { name: PAPERS[1], digits: 2 },
  { name: PAPERS[2], digits: 2 },
  { name: 'reverse KL, nats', from: 'quality.reverse_kl', digits: 4 },
  { name: 'reverse KL, log10', from: 'quality.reverse_kl_log10', digits: 4 },
  { name: 'Frechet distance in LeNet-5', from: 'quality.frechet', digits: 2 },
  { name: 'Frechet distance in CIFAR ResNet-56', from: 'distance.frechet', digits: 2 },
  { name: 'score of CIFAR ResNet-56', from: 'score.score', digits: 2 },
];

const rows = (row: string, suffix: string, [modes, divergence]: readonly [Cell, Cell], [fid, is, kl]: readonly [Cell, Cell, Cell]): readonly TableRow[] => [
  { row, data: 'stacked MNIST', graph: graph(`stacked-mnist${suffix}`), paper: paper({ modes, [PAPERS[0]]: divergence }) },
  { row, data: 'CIFAR-10', graph: graph(`cifar10${suffix}`), paper: paper({ [PAPERS[0]]: kl, [PAPERS[1]]: fid, [PAPERS[2]]: is }) },
];

export const table2: Table = {
  name: 'self-cond-table2',
  about: 'Modes and divergence on stacked MNIST, Frechet distance, score and divergence on CIFAR-10; graphs for two cores, whose lengths and widths are not the paper\'s.',
  source: 'Liu et al., Diverse Image Generation via Self-Conditioned GANs, CVPR 2020, table 2',
  trials: 1,
  metrics,
  rows: [
    ...rows('GAN', '-gan', [[133.4, 17.7], [2.97, 0.216]], [[31.9, 1.15], [6.93, 0.108], [0.0132, 0.0015]]),
    ...rows('PacGAN2', '-pacgan-2', [[1000.0, 0.0], [0.06, 0.003]], [[31.71, 1.17], [7.03, 0.065], [0.0124, 0.0012]]),
    ...rows('PacGAN3', '-pacgan-3', [[1000.0, 0.0], [0.06, 0.003]], [[32.66, 1.93], [6.96, 0.122], [0.0123, 0.0012]]),
    ...rows('PacGAN4', '-pacgan-4', [[1000.0, 0.0], [0.07, 0.005]], [[34.96, 1.3], [6.99, 0.094], [0.0149, 0.0006]]),
    ...rows('Logo-GAN-AE', '-logo-gan-ae', [[1000.0, 0.0], [0.09, 0.005]], [[32.49, 1.37], [7.05, 0.073], [0.0106, 0.0005]]),
    ...rows('Logo-GAN-RC', '-logo-gan-rc', [[1000.0, 0.0], [0.08, 0.006]], [[30.91, 1.3], [7.04, 0.054], [0.0103, 0.0004]]),
    ...rows('Random labels', '-random-labels', [[240.0, 12.02], [2.9, 0.192]], [[31.14, 1.66], [6.64, 0.135], [0.0157, 0.0027]]),
    ...rows('Self-Conditioned GAN, online', '-online', [[995.8, 0.86], [0.17, 0.027]], [[32.45, 0.44], [6.68, 0.068], [0.0158, 0.0016]]),
    ...rows('Self-Conditioned GAN, supervised initialisation', '-supervised-initialisation', [[1000.0, 0.0], [0.08, 0.014]], [[21.14, 1.59], [7.61, 0.077], [0.0017, 0.0002]]),
    ...rows('Self-Conditioned GAN', '', [[1000.0, 0.0], [0.08, 0.009]], [[18.7, 1.28], [7.79, 0.033], [0.0015, 0.0002]]),
    ...rows('Class-conditional GAN', '-class-conditional', [[1000.0, 0.0], [0.08, 0.003]], [[30.03, 1.58], [7.44, 0.092], [0.0076, 0.0006]]),
  ],
};
