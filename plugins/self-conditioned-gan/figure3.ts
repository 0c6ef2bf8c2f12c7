/** @file Figure 3 of Self-Conditioned GAN: modes and reverse KL on the grid over the number of clusters, or of MGAN's generators. The figure's points are not printed in the paper. */
import type { Table, TableRow } from '../../engine/index.js';
import { graph } from './cells.js';
import { metrics } from './table1.js';

const over = (row: string, name: string, settings: readonly string[]): readonly TableRow[] =>
  [5, 10, 25, 50, 100].map((k) => ({ row: `${row}, k ${k}`, data: 'grid', graph: graph(name), set: Object.fromEntries(settings.map((setting) => [setting, k])), paper: {} }));

export const figure3: Table = {
  name: 'self-cond-fig3',
  about: 'Modes, high-quality samples and reverse KL on the grid of 25 Gaussians over the number of clusters, ours and MGAN\'s.',
  source: 'Liu et al., Diverse Image Generation via Self-Conditioned GANs, CVPR 2020, figure 3',
  trials: 1,
  metrics,
  rows: [...over('Self-Conditioned GAN', 'grid', ['clusters.config.k']), ...over('MGAN', 'grid-mgan', ['label.config.k', 'fresh-label.config.k'])],
};
