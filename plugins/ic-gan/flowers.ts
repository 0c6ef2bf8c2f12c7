/** @file What IC-GAN does on a few thousand photos on two cores, as tables for `gantry reproduce`: against networks without instances, and small versions of the paper's sweeps. */
import type { Table, TableMetric, TableRow } from '../../engine/index.js';

const graph = (name: string): string => `graphs/ic-gan/flowers-${name}.json`;
const SOURCE = 'settings of this project; the paper has no such cells';

/** Features of a data set that no row conditions on: extractors are compared with each other by it. */
const JUDGE = { 'seen-fake.config.model': 'cifar10-resnet56', 'seen-real.config.model': 'cifar10-resnet56' };

/** Judged at the end, and once in the middle of the longer runs. */
const SELDOM = { 32: { 'evaluate.config.waves': 1500 }, 64: { 'evaluate.config.waves': 2000 } } as const;

const distance = (of: string, from = 'quality', digits = 2): TableMetric => ({ name: `Frechet distance${of}`, from: `${from}.frechet`, digits });
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
  metrics: [distance(''), ...coverage, ...similarity],
  rows: [
    { row: 'IC-GAN (1 D step)', data: 'flowers 64', graph: graph('64'), set: SELDOM[64], paper: {} },
    { row: 'IC-GAN (2 D steps)', data: 'flowers 64', graph: graph('64-2-steps'), set: SELDOM[64], paper: {} },
    { row: 'Uncond. BigGAN (1 D step)', data: 'flowers 64', graph: graph('64-unconditional'), set: SELDOM[64], paper: {} },
    { row: 'Uncond. BigGAN (2 D steps)', data: 'flowers 64', graph: graph('64-unconditional-2-steps'), set: SELDOM[64], paper: {} },
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
  rows: [5, 20, 50, 200].map((k): TableRow => ({ row: `k ${k}`, data: 'flowers 32', graph: graph('32-stored'), set: { ...SELDOM[32], 'neighbours.config.k': k }, paper: {} })),
};

const extractors: Table = {
  name: 'ic-gan-flowers-extractors',
  about: 'Flower photos at 32x32: three extractors, with and without class labels (after the paper\'s table 12), judged by a fourth.',
  source: SOURCE, trials: 1,
  metrics: [distance(''), ...coverage, ...similarity],
  rows: ['mobilenetv2-035', 'tiny-darknet', 'cifar10-resnet20'].flatMap((model) => ['', '-classes'].map((classes): TableRow => ({
    row: `${model}${classes && ' and classes'}`, data: 'flowers 32', graph: graph(`32${classes}`), paper: {},
    set: { 'features.config.model': model, 'felt-fake.config.model': model, ...JUDGE, ...SELDOM[32] },
  }))),
};

export const flowers: readonly Table[] = [comparison, neighbourhoods, extractors];
