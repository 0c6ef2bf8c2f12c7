/** @file PGMGAN's graphs of images: the three stages run one after the other, made small, on a few drawn squares; variants differ in what their names say. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { load } from '../../engine/dataflow/load.js';
import type { Graph } from '../../engine/dataflow/graph.js';
import { createEngine, type Engine } from '../../engine/registry/engine.js';
import { PACKAGE } from '../../engine/registry/paths.js';
import { runGraph } from '../../engine/registry/run-graph.js';
import { configured, differences } from './differences.js';
import { drawSquares, type Squares } from './squares.js';

const seed = 14, FOLDER = join(PACKAGE, 'graphs/pgmgan'), PARTS = 5;
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

type Config = Readonly<Record<string, unknown>>;
const left = (stage: string, name: string) => join(squares.folder, stage, `${name}.onnx`);
const ENCODER = { type: 'lipschitz-resnet', blocks: [1, 1], strides: [1, 2], channels: 4, features: 6, iterations: 1 };

/** The graph on the drawn squares, with few of everything, after stages that ran before it. */
function small({ nodes, ...graph }: Graph): Graph {
  const changed = (type: string, config: Config): Config => {
    switch (type) {
      case 'data/cifar': return { path: squares.photos, classes: 5, resolution: 32, batch: 8 };
      case 'cadence/every': return { ...config, waves: 2 };
      case 'data/draw': return { count: 20 };
      case 'label/uniform': return { k: PARTS };
      case 'extractor/onnx': return { model: left('cifar10-pretext', 'encoder'), width: ENCODER.features };
      case 'extractor/images': return { model: squares.model };
      case 'neighbours/exact': return { k: 6 };
      case 'clusterer/k-means': return { ...config, k: PARTS };
      case 'train/contrastive': return { ...config, encoder: ENCODER, parts: 4 };
      case 'train/partitioner': return { ...config, encoder: ENCODER, parts: PARTS, from: left('cifar10-pretext', 'encoder') };
      case 'partition/generate': return { ...config, rounds: 2 };
      case 'partitioner/file': return { ...config, file: left('cifar10-partition', 'partitioner'), parts: PARTS };
      case 'train/pgmgan': return { ...config, backbone: { type: 'sngan-32', latent: 8, generator: 2, discriminator: 2 } };
      default: return config;
    }
  };
  const types: Readonly<Record<string, string>> = { 'data/cifar': 'data/image-folder' };
  return {
    ...graph,
    nodes: Object.fromEntries(Object.entries(nodes).map(([id, node]) => {
      const type = node.type as string;
      return [id, { ...node, type: types[type] ?? type, config: changed(type, (node.config ?? {}) as Config) }];
    })),
  };
}

/** In the order of their stages; what each leaves, and a metric that it reports. */
const STAGES: readonly (readonly [name: string, leaves: string, metric: string])[] = [
  ['cifar10-pretext', 'encoder.onnx', 'train.encoder.contrastive'],
  ['cifar10-neighbours', 'encoder.onnx', 'train.encoder.contrastive'],
  ['cifar10-k-means', 'report.html', 'agreement.nmi'],
  ['cifar10-partition', 'partitioner.onnx', 'agreement.nmi'],
  ['cifar10', 'generator.onnx', 'train.generator.guide'],
  ['cifar10-relu-guide-partitioner', 'partitioner.onnx', 'agreement.nmi'],
  ['cifar10-relu-guide', 'generator.onnx', 'train.generator.guide'],
  ['cifar10-cross-entropy', 'generator.onnx', 'train.generator.guide'],
  ['cifar10-partition-gan', 'generator.onnx', 'quality.frechet'],
  ['cifar10-random-partition', 'generator.onnx', 'quality.frechet'],
  ['cifar10-single-label', 'generator.onnx', 'quality.frechet'],
];

test.each(STAGES)(`%s runs for five waves, made small, and leaves %s (seed ${seed})`, async (name, leaves, metric) => {
  const out = join(squares.folder, name), file = join(FOLDER, `${name}.json`);
  const result = await runGraph(engine, { graph: small(await load(file)), file, issues: [] }, { out, waves: 5, seed });
  expect(result).toMatchObject({ type: 'finished', waves: 5, metrics: { [metric]: expect.any(Number) } });
  for (const value of Object.values(result.metrics)) expect(Number.isFinite(value)).toBe(true);
  expect(existsSync(join(out, leaves))).toBe(true);
}, 120_000);

test.each([
  ['parts', { parts: 7 }, `it has ${PARTS} parts; "parts" says 7`],
  ['images', { image: [3, 48, 48] }, 'its images are [3,32,32]; "image" says [3,48,48]'],
])('a partitioner of other %s than the graph says is refused when it is composed', async (_, stated, says) => {
  const { nodes, ...rest } = small(await load(join(FOLDER, 'cifar10.json'))), { partitioner } = nodes;
  const graph = { ...rest, nodes: { ...nodes, partitioner: { ...partitioner!, config: { ...(partitioner!.config as Config), ...stated } } } };
  const { issues } = await engine.check({ graph, issues: [] });
  expect(issues.map((issue) => issue.says)).toContainEqual(expect.stringContaining(says));
});

test('without its sizes, a graph whose partitioner is absent says which file it wants', async () => {
  const { nodes, ...rest } = await load(join(FOLDER, 'cifar10.json'));
  const graph = { ...rest, nodes: { ...nodes, partitioner: { ...nodes.partitioner!, config: { file: join(squares.folder, 'absent.onnx') } } } };
  const { issues } = await engine.check({ graph, issues: [] });
  expect(issues.map((issue) => JSON.stringify(issue)).join('\n')).toMatch(/absent\.onnx.*there is no such encoder/s);
});

/** What judges the images of the last wave that lie in their parts. */
const FINISH = ['finish', 'asked', 'asked-label', 'accepted', 'accepted-quality'];
/** Without a partitioner nothing is made for it, guided by it or measured with it; five of these are those that make the toy partitioners. */
const NO_PARTITIONER = ['train.in.partitioner', 'fake.type', 'fake.in.partitioner', 'fake.config.rounds', 'fake.config.rejected', 'partitioner', 'agreement', 'once', 'sample', 'clusters', 'lesson', 'lessons', ...FINISH];
const OTHER_LABELS = ['label', 'fresh-label'].flatMap((node) => ['type', 'config', 'in'].map((what) => `${node}.${what}`));
const LENGTH = ['data.config.batch', 'evaluate.config.waves'];
/** What a variant may change in the graph that it extends, by the end of its name. */
const VARIANTS: Readonly<Record<string, readonly string[]>> = {
  ring: ['data.config', 'clusters.config.k', 'partitioner.config.parts', 'batch.config.count', 'train.config.noise.deviation', 'train.config.schedule.waves', 'train.config.rate.discriminator'],
  'random-partition': [...NO_PARTITIONER, ...OTHER_LABELS],
  'single-label': [...NO_PARTITIONER, ...OTHER_LABELS],
  'partition-gan': ['train.in.partitioner'],
  'cross-entropy': ['train.config.options.guide.kind'],
  'relu-guide': ['partitioner.config.encoder', 'partitioner.config.optimiser.lr', 'partitioner.config.file'],
  'relu-guide-partitioner': ['train.config.encoder', 'train.config.from', 'train.config.schedule.waves'],
  'as-published-pretext': [...LENGTH, 'train.config.encoder', 'train.config.optimiser', 'train.config.schedule'],
  neighbours: ['train.config.encoder', 'train.config.parts', 'train.config.schedule.waves'],
  'as-published-partition': [...LENGTH, 'sample.config.count', 'features.config', 'neighbours.config.k', 'train.config.encoder', 'train.config.optimiser.lr', 'train.config.schedule', 'train.config.options', 'train.config.from'],
  'as-published': [...LENGTH, ...FINISH, 'fresh.config.count', 'fake.config.rounds', 'fake.config.rejected', 'partitioner.config.file', 'train.config.backbone', ...['loss', 'steps', 'guide.weight', 'guide.slope'].map((option) => `train.config.options.${option}`)],
};

test.each(files)('%s differs from the graph that it extends in what its name says', async (file) => {
  const { extends: base } = JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as { readonly extends?: string };
  if (!base) return;
  const said = VARIANTS[file.replace('.json', '').replace(/^(grid|ring|cifar10|stacked-mnist|stl10-48)-/, '')];
  expect(said).toBeDefined();
  const [there, here] = await Promise.all([base, file].map((one) => load(resolve(FOLDER, one))));
  const found = differences(configured(there!), configured(here!));
  expect(found.length).toBeGreaterThan(0);
  expect(found.filter((path) => !said!.some((place) => `${path}.`.startsWith(`${place}.`)))).toEqual([]);
});

test('the stages of one data set fit: each reads what the one before leaves, for the same network and as many parts', async () => {
  const stages = files.filter((file) => file.endsWith('-partition.json') && !file.endsWith('-random-partition.json')).map((file) => file.replace('-partition.json', ''));
  expect(stages.length).toBeGreaterThan(5);
  for (const name of stages) {
    const [pretext, partition, gan] = await Promise.all([`${name}-pretext`, `${name}-partition`, name].map(async (one) => {
      const { nodes } = await load(join(FOLDER, `${one}.json`));
      return Object.fromEntries(Object.entries(nodes).map(([id, { config = {} }]) => [id, config as Config]));
    }));
    // Neighbours are found by the same encoder, or by a better one.
    const better = existsSync(join(FOLDER, `${name}-neighbours.json`)), miner = (better ? (await load(join(FOLDER, `${name}-neighbours.json`))).nodes.train!.config as Config : pretext!.train!).encoder as Config;
    expect([name, partition!.train!.from, partition!.features!.model]).toEqual([name, `runs/${name}-pretext-1/encoder.onnx`, `runs/${name}-${better ? 'neighbours' : 'pretext'}-1/encoder.onnx`]);
    expect([name, partition!.train!.encoder, partition!.features!.width]).toEqual([name, pretext!.train!.encoder, miner.features ?? 4 * (miner.width as number)]);
    expect([name, gan!.partitioner!.file, gan!.partitioner!.parts]).toEqual([name, `runs/${name}-partition-1/partitioner.onnx`, partition!.train!.parts]);
    const side = gan!.data!.resolution ?? 32;
    expect([name, gan!.partitioner!.image]).toEqual([name, [3, side, side]]);
  }
});
