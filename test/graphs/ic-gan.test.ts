/** @file IC-GAN's graphs: they run, made small, on a few drawn squares; tables name graphs that are there; variants differ in what their names say. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { load } from '../../engine/dataflow/load.js';
import { createEngine, type Engine } from '../../engine/registry/engine.js';
import { PACKAGE } from '../../engine/registry/paths.js';
import { runGraph } from '../../engine/registry/run-graph.js';
import type { Table } from '../../engine/training/table.js';
import { configured, differences } from './differences.js';
import { drawSquares, small, type Squares } from './squares.js';

const seed = 12, FOLDER = join(PACKAGE, 'graphs/ic-gan');
const files = readdirSync(FOLDER).filter((file) => file.endsWith('.json')).sort();

let engine: Engine, squares: Squares;
beforeAll(async () => {
  engine = await createEngine();
  squares = drawSquares(seed);
});
afterAll(async () => {
  await engine.close();
  squares.remove();
});

/** One of every kind: what else there is differs from these in sizes and rates. */
const RUN = files.filter((file) => /^(flowers-32.*|flowers-64-biggan-tempered|imagenet-64|imagenet-64-unconditional|imagenet-lt-64)\.json$/.test(file));

test.each(RUN)(`%s runs for three waves, made small (seed ${seed})`, async (file) => {
  const out = join(squares.folder, file.replace('.json', '')), graph = small(await load(join(FOLDER, file)), squares);
  const result = await runGraph(engine, { graph, file: join(FOLDER, file), issues: [] }, { out, waves: 3, seed });
  expect(result).toMatchObject({ type: 'finished', waves: 3, metrics: { 'train.discriminator.real': expect.any(Number), 'quality.frechet': expect.any(Number) } });
  for (const value of Object.values(result.metrics)) expect(Number.isFinite(value)).toBe(true);
  expect(readdirSync(out)).toEqual(expect.arrayContaining(['checkpoints', 'generator.onnx', 'metrics.jsonl', 'report.html']));
}, 120_000);

test(`more neighbours than there are images end the first wave, and leave no folder (seed ${seed})`, async () => {
  const { nodes, ...rest } = small(await load(join(FOLDER, 'flowers-32.json')), squares), out = join(squares.folder, 'too-many');
  const graph = { ...rest, nodes: { ...nodes, neighbours: { ...nodes.neighbours!, config: { k: 40 } } } };
  await expect(runGraph(engine, { graph, issues: [] }, { out, waves: 3, seed })).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining('nodes.neighbours.config.k: 40 neighbours are wanted of each of 40 images; there are 39 others') });
  expect(existsSync(out)).toBe(false);
}, 120_000);

test('the tables of the paper name graph files that are there', () => {
  const rows = engine.parts<Table>('table').filter(({ plugin }) => plugin === 'ic-gan').flatMap(({ value }) => value.rows);
  const named = rows.flatMap(({ graph }) => (graph ? [graph] : []));
  expect(named.length).toBeGreaterThan(50);
  expect([...new Set(named)].filter((graph) => !existsSync(join(PACKAGE, graph)))).toEqual([]);
});

const VECTORS = ['fake_vector', 'fool_vector', 'vector'].map((port) => `train.in.${port}`), LABELS = ['fake_label', 'fool_label', 'label'].map((port) => `train.in.${port}`);
/** Without features nothing is made of them, or measured with them. */
const NO_FEATURES = ['features', 'neighbours', 'felt-fake', 'similarity', 'sheet', 'fresh-instances', 'instances.config', 'instances.in'];
const CONSTANT = ['label', 'fresh-label'];
const FEW = ['chosen', 'instances.in.among', 'fresh-instances.in.among', 'neighbours.config.k'];
/** What a variant may change in the graph that it extends, by the end of its name. */
const VARIANTS: Readonly<Record<string, readonly string[]>> = {
  unconditional: [...NO_FEATURES, ...CONSTANT, ...VECTORS, 'train.in.label', 'fake.in'],
  '2-steps': ['train.config.options.steps', 'train.config.schedule', 'data.config.batch', 'neighbours.config.k'],
  biggan: [...NO_FEATURES, ...LABELS, ...VECTORS, 'fake.in'],
  classes: [...LABELS, 'fake.in.label'],
  'k-means': FEW, random: FEW,
  stored: [
    'seen-fake.config.model', 'seen-real.config.model',
    ...['k-means', 'random'].flatMap((how) => [20, 100, 400].flatMap((count) => ['chosen', 'instances', 'fake', 'seen', 'quality', 'coverage'].map((part) => `${part}-${how}-${count}`))),
  ],
  balanced: ['data.config.list', 'instances.config'], tempered: ['data.config.list', 'instances.config'],
};
/** The unconditional BigGAN of the paper: the first of a thousand labels for everything. */
const FIRST_LABEL = [...CONSTANT, ...LABELS, 'fake.in.label', 'fresh-instances', 'train.config.options.steps', 'data.config.batch'];

test.each(files)('%s differs from the graph that it extends in what its name says', async (file) => {
  const { extends: base } = JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as { readonly extends?: string };
  if (!base) return;
  const name = file.replace('.json', ''), of = base.replace('.json', '');
  const said = /^imagenet-\d+-unconditional/.test(name) ? [...FIRST_LABEL, ...(name.endsWith('-wide') ? ['train.config.backbone'] : [])] : VARIANTS[name.slice(of.length + 1)];
  expect(said).toBeDefined();
  const [there, here] = await Promise.all([base, file].map((one) => load(resolve(FOLDER, one))));
  const found = differences(configured(there!), configured(here!));
  expect(found.length).toBeGreaterThan(0);
  expect(found.filter((path) => !said!.some((place) => `${path}.`.startsWith(`${place}.`)))).toEqual([]);
});
