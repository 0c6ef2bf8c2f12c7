/** @file What IC-GAN does on a few thousand photos on two cores, as tables for `gantry reproduce`: against networks without instances, and small versions of the paper's sweeps. */
import type { Table, TableMetric, TableRow } from '../../engine/index.js';

const SOURCE = 'settings of this project; the paper has no such cells';

/** Features of a data set that no row conditions on: extractors are compared with each other by it. */
const JUDGE = { 'seen-fake.config.model': 'cifar10-resnet56', 'seen-real.config.model': 'cifar10-resnet56' };

/** Judged at the end, and once in the middle of the longer runs. */
const SELDOM = { 32: 1500, 64: 2000 } as const;

/** A row of the graph `flowers-<side><variant>`. */
const run = (row: string, side: 32 | 64, variant: string, set: TableRow['set'] = {}): TableRow =>
  ({ row, data: `flowers ${side}`, graph: `graphs/ic-gan/flowers-${side}${variant}.json`, set: { 'evaluate.config.waves': SELDOM[side], ...set }, paper: {} });

const distance = (of = '', from = 'quality'): TableMetric => ({ name: `Frechet distance${of}`, from: `${from}.frechet`, digits: 2 });
const coverage: readonly TableMetric[] = (['precision', 'recall', 'density', 'coverage'] as const).map((name) => ({ name, from: `coverage.${name}`, digits: 3 }));
const similarity: readonly TableMetric[] = [
  { name: 'cosine, own', from: 'similarity.similarity_own', digits: 3 },
  { name: 'cosine, other', from: 'similarity.similarity_other', digits: 3 },
  { name: 'own is nearer, %', from: 'similarity.own_is_nearer', scale: 100, digits: 1 },
];

const comparison: Table = {
  name: 'ic-gan-flowers',
  about: 'Flower photos at 64x64: instances against none, each with one and two discriminator updates, in features that no network has seen.',
  source: SOURCE, trials: 1,
  metrics: [distance(), ...coverage, ...similarity],
  rows: [
    run('IC-GAN (1 D step)', 64, ''),
    run('IC-GAN (2 D steps)', 64, '-2-steps'),
    run('Uncond. BigGAN (1 D step)', 64, '-unconditional'),
    run('Uncond. BigGAN (2 D steps)', 64, '-unconditional-2-steps'),
  ],
};

const STORED = ['k-means', 'random'].flatMap((how) => [20, 100, 400].map((count) => `${how}-${count}`));

const neighbourhoods: Table = {
  name: 'ic-gan-flowers-stored',
  about: 'Flower photos at 32x32: size of the neighbourhood in training, and how many instances are stored to sample from, nearest to centroids or random (the paper\'s figure 4 and table 13).',
  source: SOURCE, trials: 1,
  metrics: [
    distance(', all instances'), ...STORED.map((stored) => distance(`, ${stored}`, `quality-${stored}`)),
    { name: 'recall, all', from: 'coverage.recall', digits: 3 }, ...STORED.map((stored): TableMetric => ({ name: `recall, ${stored}`, from: `coverage-${stored}.recall`, digits: 3 })),
    ...similarity,
  ],
  rows: [5, 20, 50, 200].map((k) => run(`k ${k}`, 32, '-stored', { 'neighbours.config.k': k })),
};

const extractors: Table = {
  name: 'ic-gan-flowers-extractors',
  about: 'Flower photos at 32x32: three extractors, with and without class labels (after the paper\'s table 12), judged by a fourth.',
  source: SOURCE, trials: 1,
  metrics: [distance(), ...coverage, ...similarity],
  rows: ['mobilenetv2-035', 'tiny-darknet', 'cifar10-resnet20'].flatMap((model) => ['', '-classes'].map((classes) =>
    run(`${model}${classes && ' and classes'}`, 32, classes, { 'features.config.model': model, 'felt-fake.config.model': model, ...JUDGE }))),
};

export const flowers: readonly Table[] = [comparison, neighbourhoods, extractors];
