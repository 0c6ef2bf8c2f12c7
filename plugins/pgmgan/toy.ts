/** @file The 2-D experiments of Partition-Guided GANs: modes, high quality and reverse KL on the mixtures, with the paper's cells, beside what becomes of them without the parts or the guide, and over its weight and k. */
import type { Estimate, Table, TableRow } from '../../engine/index.js';

const metrics = [
  { name: 'modes', from: 'quality.modes', digits: 1 },
  { name: 'high quality, % (box)', from: 'quality.high_quality_box', scale: 100, digits: 2 },
  { name: 'reverse KL, nats', from: 'quality.reverse_kl', digits: 5 },
  { name: 'variance / data\'s', from: 'quality.variance_ratio', digits: 2 },
  { name: 'smallest of a mode', from: 'quality.variance_ratio_min', digits: 2 },
  { name: 'largest of a mode', from: 'quality.variance_ratio_max', digits: 2 },
] as const;

const paper = (...cells: readonly number[]): Readonly<Record<string, Estimate>> => Object.fromEntries(cells.map((mean, i) => [metrics[i]!.name, { mean }]));
const row = (name: string, suffix: string, cells: Readonly<Record<'ring' | 'grid', Readonly<Record<string, Estimate>>>> = { ring: {}, grid: {} }) =>
  (['ring', 'grid'] as const).map((data) => ({ row: name, data, graph: `graphs/pgmgan/${data}${suffix}.json`, paper: cells[data] }));

export const toy: Table = {
  name: 'pgmgan-toy',
  about: 'Modes, high-quality samples and reverse KL on the ring of 8 and the grid of 25 Gaussians; the paper has the first row.',
  source: 'Armandpour et al., Partition-Guided GANs, CVPR 2021, section 4.1',
  trials: 3,
  metrics,
  rows: [
    ...row('PGMGAN', '', { ring: paper(8, 99.8, 0.0006), grid: paper(25, 99.8, 0.0034) }),
    ...row('Partition+GAN', '-partition-gan'),
    ...row('Random partition', '-random-partition'),
    ...row('ReLU guide', '-relu-guide'),
    ...row('Auxiliary classifier', '-cross-entropy'),
  ],
};

const swept = (what: string, values: readonly number[], set: (value: number) => Readonly<Record<string, unknown>>): readonly TableRow[] =>
  values.map((value) => ({ row: `${what} ${value}`, data: 'grid', graph: 'graphs/pgmgan/grid.json', set: set(value), paper: {} }));

export const sweeps: Table = {
  name: 'pgmgan-sweeps',
  about: "The guide's weight and the number of parts on the grid of 25 Gaussians; no cells of the paper.",
  source: 'after Armandpour et al., Partition-Guided GANs, CVPR 2021, section 4.1',
  trials: 1,
  metrics,
  rows: [
    ...swept('guide weight', [0, 0.1, 1, 10, 100], (weight) => ({ 'train.config.options.guide.weight': weight })),
    ...swept('k', [10, 25, 50], (k) => ({ 'clusters.config.k': k, 'partitioner.config.parts': k })),
  ],
};
