/** @file Every graph that comes with the package composes and runs; baselines differ from their neighbours in what their names say. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { load } from '../../engine/dataflow/load.js';
import type { Graph } from '../../engine/dataflow/graph.js';
import { createEngine, type Engine } from '../../engine/registry/engine.js';
import { PACKAGE } from '../../engine/registry/paths.js';
import { runGraph } from '../../engine/registry/run-graph.js';
import { configured, differences } from './differences.js';
import { ENCODER, reduced } from './reduced.js';

const GRAPHS = join(PACKAGE, 'graphs');
const files = readdirSync(GRAPHS, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.json') && file !== 'graph.schema.json').sort();
const data = resolve(PACKAGE, '../shared/data'), FOLDERS: Readonly<Record<string, string>> = { 'data/stacked-digits': 'mnist', 'data/idx': 'mnist', 'data/cifar': 'cifar10' };
/** The folder of real data that a graph reads; the classifiers that judge it are beside it. */
const folderOf = ({ nodes }: Graph) => Object.values(nodes).map(({ type }) => FOLDERS[type as string]).find((name) => name !== undefined);
const graphs = new Map(await Promise.all(files.map(async (file) => [file, await load(join(GRAPHS, file))] as const)));

let engine: Engine, folder: string;
beforeAll(async () => {
  engine = await createEngine();
  folder = mkdtempSync(join(tmpdir(), 'gantry-graphs-'));
});
afterAll(async () => {
  await engine.close();
  rmSync(folder, { recursive: true, force: true });
});

test('every plugin that comes with the package loads', () => { expect(engine.failures).toEqual([]); });

test.each(files)('%s composes', async (file) => {
  const { issues, plan } = await engine.check({ graph: graphs.get(file)!, file: join(GRAPHS, file), issues: [] });
  expect(issues).toEqual([]);
  expect(plan!.waves).toBeGreaterThan(0);
  expect(plan!.about).toMatch(/\w+.*\.$/);
});

// Graphs of ImageNet and Places want millions of photos, IC-GAN's graphs photos and an extractor, PGMGAN's graphs of images what an earlier stage leaves: ic-gan.test.ts and pgmgan.test.ts run them on their own.
for (const file of files.filter((name) => /^(self-conditioned-gan\/(?!.*-(128|autoencoder|rotation|logo-gan-ae|rotnet|inversion))|pgmgan\/(grid|ring))/.test(name))) {
  const graph = graphs.get(file)!, real = folderOf(graph), path = real && join(data, real);
  (path && !(existsSync(path) && existsSync(join(data, 'models'))) ? test.skip : test)(`${file} runs for three waves, made small`, async () => {
    const out = join(folder, file.replaceAll('/', '-').replace('.json', ''));
    const small = reduced(graph, path ? { data: { path } } : {});
    const result = await runGraph(engine, { graph: small, file: join(GRAPHS, file), issues: [] }, { out, waves: 3 });
    expect(result).toMatchObject({ type: 'finished', waves: 3, metrics: { 'train.discriminator.real': expect.any(Number), 'quality.modes': expect.any(Number) } });
    for (const value of Object.values(result.metrics)) expect(Number.isFinite(value)).toBe(true);
    expect(readdirSync(out)).toEqual(expect.arrayContaining(['checkpoints', 'generator.onnx', 'metrics.jsonl', 'report.html']));
  });
}

// A stage that leaves an encoder, and the GAN that clusters its features.
for (const [real, encoder, leaves, gan] of [
  ['cifar10', 'cifar10-autoencoder', 'encoder.onnx', 'cifar10-logo-gan-ae'], ['cifar10', 'cifar10-rotation', 'partitioner.onnx', 'cifar10-rotnet'],
  ['mnist', 'stacked-mnist-autoencoder', 'encoder.onnx', 'stacked-mnist-logo-gan-ae'],
] as const) {
  const images = { path: join(data, real) };
  (existsSync(images.path) && existsSync(join(data, 'models')) ? test : test.skip)(`${encoder}, then ${gan} on what it leaves, run for three waves, made small`, async () => {
    const run = async (name: string, more: Readonly<Record<string, object>>) => {
      const file = `self-conditioned-gan/${name}.json`, out = join(folder, name), small = reduced(graphs.get(file)!, { data: images, ...more } as never);
      return { folder: out, ...await runGraph(engine, { graph: small, file: join(GRAPHS, file), issues: [] }, { out, waves: 3 }) };
    };
    const first = await run(encoder, {}), seen = { ...(graphs.get(`self-conditioned-gan/${gan}.json`)!.nodes.seen!.config as object), model: join(first.folder, leaves), width: ENCODER.width };
    expect(existsSync(join(first.folder, leaves))).toBe(true);
    const second = await run(gan, { 'seen-sample': seen, seen, 'seen-fresh': seen });
    expect(second).toMatchObject({ type: 'finished', waves: 3, metrics: { 'train.discriminator.real': expect.any(Number), 'quality.modes': expect.any(Number), 'agreement.nmi': expect.any(Number) } });
  });
}

const digits = { path: join(data, 'mnist') };
(existsSync(digits.path) && existsSync(join(data, 'models')) ? test : test.skip)('two GANs and an auto-encoder, then their inversion by an early and the last checkpoint, run for three waves, made small; stopped after one, it goes on to the same', async () => {
  const run = async (name: string, more: Readonly<Record<string, object>>, options: object = {}) => {
    const file = `self-conditioned-gan/${name}.json`, out = join(folder, `of-inversion-${name}`), small = reduced(graphs.get(file)!, { data: digits, ...more } as never);
    // What judges the GANs is tested elsewhere, and takes most of their time.
    const graph = { ...small, nodes: Object.fromEntries(Object.entries(small.nodes).filter(([id]) => !['quality', 'agreement', 'samples', 'reals'].includes(id))) };
    return { folder: out, ...await runGraph(engine, { graph, file: join(GRAPHS, file), issues: [] }, { out, waves: 3, checkpoints: { every: 1 }, ...options }) };
  };
  const [ours, gan, seen] = [await run('stacked-mnist', {}), await run('stacked-mnist-gan', {}), await run('stacked-mnist-autoencoder', {})].map((one) => one.folder) as [string, string, string];
  const early = { waves: 1 }, model = { model: join(seen, 'encoder.onnx'), width: ENCODER.width }, name = 'stacked-mnist-inversion-features';
  const more = { ours: { run: ours }, early: { run: ours, ...early }, gan: { run: gan }, 'gan-early': { run: gan, ...early }, seen: model, 'seen-ours': model, 'seen-gan': model };
  const whole = await run(name, more), numbers = Object.fromEntries(['ours', 'gan'].flatMap((one) => [[`pixels.${one}`, expect.any(Number)], [`features.${one}_of_clusters`, expect.any(Number)]]));
  expect(whole).toMatchObject({ type: 'finished', waves: 3, metrics: { ...numbers, 'early-inverted.error': expect.any(Number), 'ours-encoder.encoder.latent': expect.any(Number) } });
  for (const one of ['ours', 'early', 'gan', 'gan-early']) expect(whole.metrics[`${one}-inverted.loss`]).toBeLessThan(whole.metrics[`${one}-inverted.guess_loss`]!);
  expect(whole.metrics['pixels.ours']).toBeCloseTo(whole.metrics['ours-inverted.error']!, 6);
  expect(whole.metrics['early-inverted.error']).not.toBeCloseTo(whole.metrics['ours-inverted.error']!, 6);
  expect(readdirSync(join(whole.folder, 'pictures'))).toEqual(['features', 'pixels', 'sheet'].map((node) => expect.stringMatching(new RegExp(`^${node}-picture-0+1\\.(svg|png)$`))));

  const out = join(folder, 'of-inversion-resumed');
  await run(name, more, { out, waves: 1 });
  await run(name, more, { out, resume: true, waves: 3 });
  for (const file of ['metrics.jsonl', `pictures/${readdirSync(join(whole.folder, 'pictures'))[2]}`, 'checkpoints/wave-000000003/tensors.safetensors'])
    expect(readFileSync(join(out, file)).equals(readFileSync(join(whole.folder, file)))).toBe(true);

  const graph = reduced(graphs.get('self-conditioned-gan/stacked-mnist-inversion.json')!, { data: digits, ...more } as never), said = async (node: string, config: object) => {
    const changed = { ...graph, nodes: { ...graph.nodes, [node]: { ...graph.nodes[node]!, config: { ...(graph.nodes[node]!.config as object), ...config } } } };
    return (await engine.check({ graph: changed as Graph, file: 'inversion.json', issues: [] })).issues.map(({ says }) => says).join('\n');
  };
  expect(await said('ours', {})).toBe('');
  expect(await said('ours', { k: 7 })).toContain('it has 10 clusters; "k" says 7');
  expect(await said('gan', { waves: 40 })).toContain('it has no checkpoint after 40 waves; those that it kept are after 1, 2, 3');
  expect(await said('gan', { weights: 'train.metrics' })).toContain('its checkpoints hold no value of train.metrics');
}, 300_000);

/** Without clusters there is nothing to make and measure them with. */
const NO_CLUSTERS = ['agreement', 'clusters', 'history?', 'pages?', 'probe', 'recluster'];
/** What a graph whose name ends so changes in the one that it extends: places, and all that is in them; `?` marks one that may stay. */
const BASELINES: Readonly<Record<string, readonly string[]>> = {
  ring: ['data.config.layout'],
  // Rates and lengths, and no wire.
  'as-published': ['evaluate.config', 'recluster.config', 'train.config?', 'probe.config.images?', 'fresh.config.count?'],
  ...Object.fromEntries(files.flatMap((file) => /places365-128-.*(?=\.json)/.exec(file) ?? []).map((name) => [name, [
    'data.config.path', 'data.config.classes', ...(/logo-gan-ae|rotnet/.test(name) ? ['seen', 'seen-sample', 'seen-fresh'].map((node) => `${node}.config.model`) : []),
  ]])),
  'logo-gan-rc': [
    'once', 'sample', 'seen', 'seen-sample', 'seen-fresh', 'clusters.in.feature', 'clusters.in.weights', 'recluster', 'probe', 'agreement.in.label', 'history', 'pages.in.class', 'pages.in.index', 'pages.in.moved', 'pages.in.now?',
    ...['fresh-label', 'label'].flatMap((node) => [`${node}.in`, `${node}.type`]),
  ],
  ...Object.fromEntries(['logo-gan-ae', 'rotnet'].map((name) => [name, ['seen', 'seen-sample', 'seen-fresh'].map((node) => `${node}.config`)])),
  ...Object.fromEntries([2, 3, 4].map((pack) => [`pacgan-${pack}`, ['train.config.backbone.pack', 'data.config.batch?']])),
  'inversion-features': ['features', 'seen', 'seen-ours', 'seen-gan'],
  gan: [...NO_CLUSTERS, ...['fresh-label', 'label'].flatMap((node) => [`${node}.in.clusters`, `${node}.in.image`, `${node}.in.like`, `${node}.type`])],
  'random-labels': [
    ...NO_CLUSTERS, ...['fresh-label', 'label'].flatMap((node) => [`${node}.config.k`, `${node}.in.clusters`, `${node}.in.image`, `${node}.in.like`, `${node}.type`]),
  ],
  mgan: ['train.type', 'train.config.backbone.labels', 'train.config.options?'],
  'class-conditional': [...NO_CLUSTERS, 'sheet.in.label?', 'fake.in.label', 'fresh-label', 'label', 'train.in.label'],
  'no-matching': ['clusters.config.match'],
  'no-warm-start': ['clusters.config.warm'],
  'supervised-initialisation': ['clusters.config.initialisation', 'clusters.config.k', 'clusters.in.label'],
  // Running means follow a slow discriminator only, so the 2-D graphs have the released code's rates, as they say.
  online: [
    'agreement.in.label', 'batch', 'clusters.config.burnIn', 'clusters.in.batch', 'clusters.in.weights', 'clusters.type', 'label', 'recluster.config', 'train.in.label',
    'train.config.optimiser?', 'train.config.rate?', 'history?', ...['class', 'cluster', 'index', 'moved'].map((port) => `pages.in.${port}?`),
  ],
};

const extending = files.filter((file) => file.startsWith('self-conditioned-gan/')).flatMap((file) => {
  const { extends: base } = JSON.parse(readFileSync(join(GRAPHS, file), 'utf8')) as { readonly extends?: string };
  return base ? [[file, base] as const] : [];
});

test.each(extending)('%s differs from %s in what its name says', async (file, base) => {
  const name = file.replace(/^.*\//, '').replace('.json', '').replace(/^(grid|ring|stacked-mnist|cifar10|imagenet-128(?!-as-published))-/, '');
  const there = await load(resolve(GRAPHS, file, '..', base));
  // How many images one call takes is no part of the method.
  const found = differences(configured(there), configured(graphs.get(file)!)).filter((path) => path !== 'fresh-label.config.batch');
  expect(Object.keys(BASELINES)).toContain(name);
  const covers = (place: string) => (path: string) => `${path}.`.startsWith(`${place.replace('?', '')}.`);
  expect({
    unsaid: found.filter((path) => !BASELINES[name]!.some((place) => covers(place)(path))),
    absent: BASELINES[name]!.filter((place) => !place.endsWith('?') && !found.some(covers(place))),
  }).toEqual({ unsaid: [], absent: [] });
});
