/** @file The paper's tables for `gantry reproduce`: every cell, the graph file that trains the row, and why a row is not run. */
import type { Table, TableRow } from '../../engine/index.js';
import { published, type PublishedRow } from './published.js';

const ABOUT: Readonly<Record<keyof typeof published, string>> = {
  table1: 'ImageNet without labels: FID and IS of 50,000 samples against the validation images, from 1,000 k-means instances.',
  table2: 'COCO-Stuff: FID of train and evaluation splits, LPIPS of two samples of one conditioning.',
  table3: 'ImageNet with class labels, protocol of table 1.',
  table4: 'ImageNet-LT with labels: FID and IS, by how many training images a class has.',
  table7: 'COCO-Stuff: flips of the conditioning images (†: flipped half of the time).',
  table8: 'ImageNet: precision and recall of 10,000 samples, by how instances are chosen.',
  table9: 'ImageNet without labels: BigGAN against StyleGAN2 as backbone.',
  table10: 'Whether other instances move the distribution: ImageNet-trained, COCO-Stuff instances.',
  table11: 'ImageNet-LT at 64: class balancing (CB) and tempered classes (T = 2) of the BigGAN baseline.',
  table12: 'ImageNet at 64: self-supervised against supervised features.',
  table13: 'ImageNet at 64: all images as instances against 1,000.',
  table14: 'ImageNet at 64 at equal storage of generator and instances.',
  table15: 'COCO-Stuff at 128 at equal storage.',
  table16: 'ImageNet-LT at 64: size of the neighbourhood.',
  table17: 'COCO-Stuff at 128: size of the neighbourhood.',
};

/** Rows of other methods, which the paper took from their authors. */
const ELSEWHERE = /^(Self-sup|MGAN|PacGAN|Logo-GAN|Self-cond|SS-cluster|PGMGAN|ADM|LostGAN|OC-GAN)/;
const COPIED = 'not run: another method, whose numbers the paper copied';
const STYLEGAN = 'not run: its StyleGAN2 backbone is not part of this version';

/** The graph file that trains a row as published. */
function graphOf(table: string, row: string, data: string): string {
  const name = (...parts: readonly (string | false)[]) => `graphs/ic-gan/${parts.filter(Boolean).join('-')}.json`;
  const size = /\b(64|128|256)\b/.exec(data)![1]!;
  if (data.startsWith('COCO')) return name('coco', size, /^Uncond/.test(row) && 'unconditional');
  if (data.startsWith('ImageNet-LT')) return name('imagenet-lt', size, row.startsWith('BigGAN') && 'biggan', row.includes('CB') && 'balanced', row.includes('T=2') && 'tempered');
  const narrow = size === '256' && !row.includes('ch×96') && 'ch64';
  if (/^Uncond/.test(row)) return name('imagenet', size, 'unconditional');
  if (row.startsWith('BigGAN')) return name('imagenet', size, narrow, 'biggan');
  const classes = table === 'table3' || row.startsWith('Class-conditional') || data.includes(' labeled');
  return name('imagenet', size, narrow, classes && 'classes');
}

function rowOf(table: string, [row, data, cells]: PublishedRow): TableRow {
  const paper = Object.fromEntries(Object.entries(cells).map(([metric, [mean, sd]]) => [metric, { mean, ...(sd !== undefined && { sd }) }]));
  if (ELSEWHERE.test(row)) return { row, data, paper, why: COPIED };
  if (row === 'BigGAN† (ch×96)') return { row, data, paper, why: 'not run: no configuration of it was published' };
  if (row.includes('StyleGAN2')) return { row, data, paper, why: STYLEGAN };
  const graph = graphOf(table, row, data);
  const photos = data.startsWith('COCO') ? 'COCO-Stuff' : data.startsWith('ImageNet-LT') ? 'ImageNet-LT' : 'ImageNet';
  return { row, data, paper, graph, why: `not run: it needs ${photos}, many GPU-days, and the Inception weights of the published scores` };
}

export const tables: readonly Table[] = Object.entries(published).map(([table, rows]): Table => ({
  name: `ic-gan-${table}`,
  about: ABOUT[table as keyof typeof published],
  source: `Casanova et al., Instance-Conditioned GAN, NeurIPS 2021, table ${table.slice(5)}`,
  trials: 1,
  metrics: [...new Set((rows as readonly PublishedRow[]).flatMap(([, , cells]) => Object.keys(cells)))].map((name) => ({ name, from: `quality.${name}`, digits: name.startsWith('LPIPS') ? 2 : 1 })),
  rows: (rows as readonly PublishedRow[]).map((row) => rowOf(table, row)),
}));
