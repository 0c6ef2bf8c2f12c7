/** @file IC-GAN's graphs: they run, made small, on a few drawn squares; tables name graphs that are there; variants differ in what their names say. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { encode as encodePng } from 'fast-png';
import { load } from '../../engine/dataflow/load.js';
import type { Graph } from '../../engine/dataflow/graph.js';
import { createEngine, type Engine } from '../../engine/registry/engine.js';
import { PACKAGE } from '../../engine/registry/paths.js';
import { runGraph } from '../../engine/registry/run-graph.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { encode } from '../../engine/tensor/onnx/encode.js';
import { averagePool, flatten, input } from '../../engine/tensor/ops/index.js';
import type { Table } from '../../engine/training/table.js';
import { configured, differences } from './differences.js';

const seed = 12, FOLDER = join(PACKAGE, 'graphs/ic-gan');
const files = readdirSync(FOLDER).filter((file) => file.endsWith('.json')).sort();

let engine: Engine, folder: string, photos: string, model: string;
beforeAll(async () => {
  engine = await createEngine();
  folder = mkdtempSync(join(tmpdir(), 'gantry-ic-gan-'));
  photos = join(folder, 'photos');
  const colours = keyedRandom(seed, 'photos', 0, 'colours').integers(3 * 5 * 8, 256);
  const list: string[] = [];
  for (let c = 0; c < 5; c++) {
    mkdirSync(join(photos, `class-${c}`), { recursive: true });
    for (let i = 0; i < 8; i++) {
      const data = new Uint8Array(3 * 32 * 32).map((_, p) => colours[(8 * c + i) * 3 + (p % 3)]! ^ (p >> 9));
      writeFileSync(join(photos, `class-${c}/${i}.png`), encodePng({ width: 32, height: 32, channels: 3, depth: 8, data }));
      if (i < 8 - c) list.push(`class-${c}/${i}.png ${c}`);
    }
  }
  writeFileSync(join(folder, 'list.txt'), `${list.join('\n')}\n`);
  // Colours of 4 x 4 places: 48 numbers an image.
  const image = input('image', { dtype: 'f32', dims: ['N', 3, 32, 32] });
  model = join(folder, 'places.onnx');
  writeFileSync(model, encode({ name: 'places', inputs: { image }, state: {}, outputs: { feature: flatten(averagePool(image, { kernel: 8 })) } }));
});
afterAll(async () => {
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
});

type Config = Readonly<Record<string, unknown>>;
/** The graph on the drawn photos, with few of everything. */
function small({ nodes, ...graph }: Graph): Graph {
  const changed = (type: string, config: Config): Config => {
    switch (type) {
      case 'data/image-folder': return { ...config, path: photos, resolution: 32, batch: 8, ...(config.classes === undefined ? {} : { classes: Math.max(5, config.classes as number) }), ...(config.list ? { list: join(folder, 'list.txt') } : {}) };
      case 'extractor/onnx': return { model, flips: config.flips ?? false };
      case 'extractor/images': return { model };
      case 'neighbours/exact': return { ...config, k: 6 };
      case 'instances/k-means': case 'instances/random': return { count: 4 };
      case 'cadence/every': return { ...config, waves: 2 };
      case 'data/draw': return { count: 20 };
      case 'ic-gan/sheet': return { instances: 2, samples: 2 };
      case 'train/ic-gan': {
        const { accumulate: _, ...rest } = config as { accumulate?: number };
        return { ...rest, backbone: { type: 'biggan', latent: 8, generator: 2, discriminator: 2, label_embedding: 4, vector_embedding: 4 } };
      }
      default: return config;
    }
  };
  return { ...graph, nodes: Object.fromEntries(Object.entries(nodes).map(([id, node]) => [id, { ...node, config: changed(node.type as string, (node.config ?? {}) as Config) }])) };
}

/** One of every kind: what else there is differs from these in sizes and rates. */
const RUN = files.filter((file) => /^(flowers-32.*|flowers-64-biggan-tempered|imagenet-64|imagenet-64-unconditional|imagenet-lt-64)\.json$/.test(file));

test.each(RUN)(`%s runs for three waves, made small (seed ${seed})`, async (file) => {
  const out = join(folder, file.replace('.json', '')), graph = small(await load(join(FOLDER, file)));
  const result = await runGraph(engine, { graph, file: join(FOLDER, file), issues: [] }, { out, waves: 3, seed });
  expect(result).toMatchObject({ type: 'finished', waves: 3, metrics: { 'train.discriminator.real': expect.any(Number), 'quality.frechet': expect.any(Number) } });
  for (const value of Object.values(result.metrics)) expect(Number.isFinite(value)).toBe(true);
  expect(readdirSync(out)).toEqual(expect.arrayContaining(['checkpoints', 'generator.onnx', 'metrics.jsonl', 'report.html']));
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
  'unconditional-2-steps': [...NO_FEATURES, ...CONSTANT, ...VECTORS, 'train.in.label', 'fake.in', 'train.config.options.steps', 'data.config.batch'],
  biggan: [...NO_FEATURES, ...LABELS, ...VECTORS, 'fake.in'],
  classes: [...LABELS, 'fake.in.label'],
  'k-means': FEW, random: FEW,
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
