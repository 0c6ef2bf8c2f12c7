/** @file Evaluation of runs and folders: conditions as the graph draws them, sets of samples, what is compared with what, and what is refused. */
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { z } from 'zod';
import { definePlugin } from '../../engine/registry/plugin.js';
import { conditionSource, openDraws } from '../../engine/registry/conditions.js';
import { diversity, sheetOf, type DiversityOptions } from '../../engine/registry/diversity.js';
import { createEngine, type Engine } from '../../engine/registry/engine.js';
import { evaluate, type EvaluationOptions } from '../../engine/registry/evaluation.js';
import { runGraph } from '../../engine/registry/run-graph.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { int64, tensor, transient, type TensorValue } from '../../engine/spec/value.js';
import { concat, oneHot, reshape, tanh } from '../../engine/tensor/ops/index.js';
import { linear } from '../../engine/tensor/layers.js';
import { defineNode } from '../../engine/dataflow/node.js';
import { defineBackbone, type Condition } from '../../engine/training/backbone.js';
import type { ExtractorType } from '../../engine/training/extractor.js';
import type { Dataset, Features, Neighbours } from '../../engine/training/values.js';

const SIZE = 24, CLASSES = 3, WIDTH = 3, SIDE = 4, K = 2;
/** Image i is a class's colour, a little brighter with i. */
const pixels = (i: number) => Float32Array.from({ length: 3 * SIDE * SIDE }, (_, at) => (Math.floor(at / SIDE ** 2) === i % CLASSES ? 0.5 : -0.5) + 0.01 * i + (at % 5) / 20);
const labels = Int32Array.from({ length: SIZE }, (_, i) => i % CLASSES);
const dataset: Dataset = {
  [transient]: true, name: 'colours', key: 'colours', size: SIZE, image: { dtype: 'f32', dims: [3, SIDE, SIDE] }, classes: CLASSES, labels,
  read: (indices) => ({ image: tensor('f32', [indices.length, 3, SIDE, SIDE], Float32Array.from(Array.from(indices).flatMap((i) => [...pixels(i)]))), label: int64(indices.map((i) => labels[i]!)) }),
};
/** What the stub extractor makes of images: their mean colours, in a scale of its own. */
const colours = ({ dims: [count = 0, , height = 0, width = 0], data }: TensorValue, scale: number) => tensor('f32', [count, WIDTH], Float32Array.from({ length: count * WIDTH }, (_, at) => {
  const area = height * width;
  return scale * (data as Float32Array).subarray(at * area, (at + 1) * area).reduce((a, b) => a + b, 0) / area;
}));
const featuresOf = async (data: Dataset, scale: number): Promise<Features> => {
  const all = colours((await data.read(Int32Array.from({ length: data.size }, (_, i) => i))).image, scale);
  return {
    [transient]: true, key: `${data.key} ${scale}`, size: data.size, width: WIDTH, normalised: false, labels: data.labels, classes: data.classes, flips: false,
    read: (indices) => tensor('f32', [indices.length, WIDTH], Float32Array.from(Array.from(indices).flatMap((i) => [...(all.data as Float32Array).subarray(i * WIDTH, (i + 1) * WIDTH)]))),
  };
};
const Settings = z.strictObject({ model: z.string(), scale: z.number().default(1), score: z.boolean().default(false) });
const stub: ExtractorType<z.infer<typeof Settings>> = {
  name: 'colours', about: 'Mean colours.', config: Settings,
  open: async (_services, { model, scale, score }) => ({
    key: model, name: model, width: WIDTH,
    async extract(image) {
      const feature = colours(image, scale), count = image.dims[0]!;
      return { feature, ...(score && { score: tensor('f32', [count, 2], Float32Array.from({ length: 2 * count }, (_, i) => Number(i % 2 === Math.floor(i / 2) % 2))) }) };
    },
    close: async () => {},
  }),
  features: (_services, { scale }, data) => featuresOf(data, scale),
};
/** A classifier of colours: an image is as much of a class as its colour is bright. */
const shades: ExtractorType<{ readonly model: string; readonly score: boolean }> = {
  name: 'shades', about: 'Mean colours as scores.', config: z.strictObject({ model: z.string(), score: z.boolean() }), features: (_services, _settings, data) => featuresOf(data, 1),
  open: async (_services, { model }) => ({ key: model, name: model, width: WIDTH, classes: CLASSES, extract: async (image) => ({ feature: colours(image, 1), score: colours(image, 1) }), close: async () => {} }),
};

const loader = defineNode({
  name: 'test/colours', about: 'Colours.', config: z.strictObject({ batch: z.number().default(8) }), inputs: {},
  outputs: { image: `f32[B,3,${SIDE},${SIDE}]`, label: `i64<${CLASSES}>[B]`, index: 'i64[B]', dataset: `@dataset[${CLASSES},3,${SIDE},${SIDE}]` }, dims: ({ batch }) => ({ B: batch }),
  start: ({ batch }) => ({
    state: 0, initial: () => ({ dataset }),
    async step(state: number, _inputs, { random }) {
      const index = random('index').integers(batch, SIZE);
      return { state: state + 1, outputs: { ...await dataset.read(index), index: int64(index), dataset } };
    },
  }),
});
const near = defineNode({
  name: 'test/near', about: 'Vectors and their neighbours: the next images of the same class.', config: z.strictObject({}),
  inputs: { dataset: { latest: '@dataset[L,C,R,R]' } }, outputs: { features: `@features[M,${WIDTH}]`, neighbours: `@neighbours[M,${WIDTH}]` },
  start: () => ({
    state: 0,
    async step(state: number) {
      if (state) return { state, outputs: {} };
      const features = await featuresOf(dataset, 1), index = Int32Array.from({ length: SIZE * K }, (_, at) => (Math.floor(at / K) + CLASSES * (at % K + 1)) % SIZE);
      const neighbours: Neighbours = { [transient]: true, features, k: K, index, distance: new Float32Array(SIZE * K) };
      return { state: 1, outputs: { features, neighbours } };
    },
  }),
});
const parts = ({ label, vector, labels: classes }: Condition) => [...(label ? [oneHot(label, classes)] : []), ...(vector ? [vector] : [])];
const small = defineBackbone({
  name: 'small', about: 'Two layers each.', config: z.strictObject({ type: z.literal('small') }), conditions: ['none', 'label', 'vector', 'both'], latent: () => 2, perImage: true,
  generator: (s, latent, condition) => reshape(tanh(linear(s.at('out'), concat([latent, ...parts(condition)], 1), 3 * SIDE ** 2)), [-1, 3, SIDE, SIDE]),
  discriminator(s, image, condition) {
    const feature = tanh(linear(s.at('hidden'), concat([reshape(image, [image.dims[0]!, 3 * SIDE ** 2]), ...parts(condition)], 1), 6));
    return { feature, logit: reshape(linear(s.at('out'), feature, 1), [image.dims[0]!]) };
  },
});
/** A label that depends on the training. */
const looped = defineNode({
  name: 'test/looped', about: 'A label for each image, which looks at the weights.', config: z.strictObject({}),
  inputs: { image: 'f32[B,...S]', weights: { previous: '@weights[...S]' } }, outputs: { label: `i64<${CLASSES}>[B]` },
  start: () => ({ state: 0, step: (state, { image }) => ({ state, outputs: { label: int64(new Int32Array(image.dims[0]!)) } }) }),
});
const plugin = definePlugin({ name: 'evaluated', nodes: [loader, near, looped], backbones: [small], components: [stub, shades].map((value) => ({ kind: 'extractor', name: value.name, value })) });

const train = (inputs: Readonly<Record<string, string>>) => ({ type: 'train/ic-gan', config: { backbone: { type: 'small' }, optimiser: { type: 'sgd', lr: 0.01 } }, in: inputs });
const GRAPHS = {
  instances: {
    data: { type: 'test/colours' }, near: { type: 'test/near', in: { dataset: 'data.dataset' } },
    draw: { type: 'sampler/instances', in: { index: 'data.index', dataset: 'data.dataset', features: 'near.features', neighbours: 'near.neighbours' } },
    train: train({ image: 'draw.image', label: 'draw.label', vector: 'draw.vector', fool_vector: 'draw.fool_vector' }),
  },
  classes: { data: { type: 'test/colours' }, train: train({ image: 'data.image', label: 'data.label' }) },
  looped: { data: { type: 'test/colours' }, label: { type: 'test/looped', in: { image: 'data.image', weights: 'train.weights' } }, train: train({ image: 'data.image', label: 'label.label' }) },
  unconditional: { data: { type: 'test/colours' }, train: train({ image: 'data.image' }) },
} as const;

let engine: Engine, folder: string;
const notes: string[] = [];
const at = (name: string) => path.join(folder, name);
beforeAll(async () => {
  engine = await createEngine({ modules: [plugin], threads: 1, console: { note: (message) => notes.push(message), progress: () => {} } });
  folder = await mkdtemp(path.join(os.tmpdir(), 'gantry-evaluation-'));
  for (const [name, nodes] of Object.entries(GRAPHS)) await runGraph(engine, { graph: { waves: 1, nodes }, issues: [] }, { out: at(name), waves: 1, seed: 3 });
  for (let i = 0; i < 16; i++) {
    const class_ = at(`images/${'ab'[i % 2]}`);
    await mkdir(class_, { recursive: true });
    const bytes = keyedRandom(5, 'evaluation', i, 'image').integers(8 * 8 * 3, 256);
    await sharp(Buffer.from(Uint8Array.from(bytes)), { raw: { width: 8, height: 8, channels: 3 } }).png().toFile(path.join(class_, `${i}.png`));
  }
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true });
});

const judged = (subject: string, more: Partial<EvaluationOptions> = {}) =>
  evaluate(engine, at(subject), { extractor: { type: 'colours', model: 'a judge' }, seeds: 3, seed: 1, batch: 5, count: 12, ...more });
const values = async (subject: string, more: Partial<EvaluationOptions> = {}) => Object.fromEntries((await judged(subject, more)).numbers.map(({ metric, values: all }) => [metric, all]));

test('a run is judged in sets, by every metric that can be computed, the same for the same seed (seed 1)', async () => {
  const before = engine.services.host.residents.size, found = await judged('instances');
  expect(found).toMatchObject({ count: 12, real: { name: 'colours', count: SIZE }, extractor: 'a judge' });
  expect(found.numbers.map(({ metric }) => metric)).toEqual(['frechet', 'precision', 'recall', 'density', 'coverage', 'similarity_own', 'similarity_other', 'own_is_nearer']);
  for (const { values: all } of found.numbers) {
    expect(all).toHaveLength(3);
    expect(all.every(Number.isFinite)).toBe(true);
  }
  expect(new Set(found.numbers[0]!.values).size).toBe(3);
  expect(await judged('instances')).toEqual(found);
  // Another batch sums in another order, and changes nothing else.
  for (const [i, { values: all }] of (await judged('instances', { batch: 12 })).numbers.entries()) all.forEach((value, set) => { expect(value).toBeCloseTo(found.numbers[i]!.values[set]!, 9); });
  expect((await judged('instances', { seed: 2 })).numbers[0]).not.toEqual(found.numbers[0]);
  expect(engine.services.host.residents.size).toBe(before);
});

test('conditions are those of the graph: the instance\'s vector, the label of one of its neighbours (seed 4)', async () => {
  const loaded = { graph: { nodes: GRAPHS.instances }, issues: [] }, plan = await engine.compose(loaded), source = conditionSource(engine, plan, loaded.graph)!;
  expect(source).toEqual({ label: 'draw.label', vector: 'draw.vector', index: 'draw.index' });
  const draws = await openDraws(engine, loaded, plan, source, { neighbours: 'near.neighbours' }, { seed: 4 });
  const { features, index: near } = draws.values.neighbours as Neighbours, seen = new Set<number>();
  for (let batch = 0; batch < 5; batch++) {
    const { label, vector, index } = await draws.next(), instances = Int32Array.from(index!.data as BigInt64Array, Number);
    expect(vector).toEqual(await features.read(instances));
    instances.forEach((i, n) => { expect(Array.from(near.subarray(i * K, i * K + K), (j) => labels[j])).toContain(Number(label!.data[n])); seen.add(i); });
  }
  expect(seen.size).toBeGreaterThan(8);
  await draws.close();
});

test('labels come from the graph, and are uniform where they depend on the training', async () => {
  notes.length = 0;
  expect(Object.keys(await values('classes'))).not.toContain('similarity_own');
  expect(notes).toEqual([]);
  await values('looped');
  expect(notes).toEqual([expect.stringContaining('labels are drawn uniformly from 3')]);
  expect((await values('unconditional', { seeds: 1 })).frechet).toHaveLength(1);
});

test('the Frechet distance of a set is that of its samples, strata are judged apart (seed 1)', async () => {
  // Every class has 8 images: few.
  const found = await values('classes', { strata: 'paper', metrics: ['frechet'] });
  expect(Object.keys(found)).toEqual(['frechet', 'frechet_few']);
  expect(found.frechet_few).toEqual(found.frechet);
  await expect(values('unconditional', { strata: 'paper' })).rejects.toThrow('strata: the generated images have no classes');
  // Features a hundred times as large are ten thousand times as far apart.
  const scaled = await values('classes', { metrics: ['frechet'], extractor: { type: 'colours', model: 'b', scale: 100 } });
  scaled.frechet!.forEach((value, i) => { expect(value / found.frechet![i]! / 1e4).toBeCloseTo(1, 4); });
});

test('scores are those of the classifier, which may be the judge', async () => {
  for (const model of ['a judge', 'another']) expect((await values('unconditional', { metrics: ['score'], classifier: { type: 'colours', model } })).score).toEqual([1, 1, 1]);
  expect((await values('unconditional', { metrics: ['score'], count: 40, batch: 4, classifier: { type: 'colours', model: 'a judge' } })).score![0]).toBeCloseTo(2, 9);
});

test('folders of images are judged once, against a folder, a run\'s data or a graph\'s', async () => {
  await cp(at('images'), at('copy'), { recursive: true });
  const { numbers, count } = await judged('images', { against: at('copy'), count: undefined });
  const found = Object.fromEntries(numbers.map(({ metric, values: all }) => [metric, all]));
  expect(count).toBe(16);
  expect(found.frechet).toEqual([expect.closeTo(0, 6)]);
  expect(found).toMatchObject({ precision: [1], recall: [1], coverage: [1] });
  const other = await judged('images', { against: at('classes') }), graph = await judged('images', { against: path.join(at('classes'), 'graph.json') });
  expect(other.real).toEqual({ name: 'colours', count: SIZE });
  expect(graph).toEqual(other);
  expect((await judged('classes', { against: at('images'), metrics: ['frechet'] })).real.count).toBe(16);
});

test('what can\'t be judged says why', async () => {
  await expect(judged('images')).rejects.toThrow('--against: a folder of images is judged against real images: which?');
  await expect(judged('nowhere')).rejects.toThrow('there is no such run directory or folder of images');
  await expect(judged('classes', { against: at('nowhere') })).rejects.toThrow('wants a run, a graph file or a folder of images');
  await expect(judged('classes', { metrics: ['frechte'] })).rejects.toThrow('there is no metric frechte; at hand: frechet, prdc, score, similarity');
  await expect(judged('classes', { metrics: ['score'] })).rejects.toThrow('score wants a classifier');
  await expect(judged('classes', { metrics: ['similarity'] })).rejects.toThrow('similarity wants a run whose graph conditions its generator on instances');
  await expect(judged('classes', { extractor: { type: 'colours', scale: 'wide' } })).rejects.toThrow(/--extractor: model: .*; scale: /);
  await expect(judged('classes', { extractor: { type: 'nothing', model: 'a' } })).rejects.toThrow('there is no such extractor');
  await mkdir(at('begun'));
  await cp(at('classes'), at('begun'), { recursive: true, filter: (file) => !file.endsWith('generator.onnx') });
  await expect(judged('begun')).rejects.toThrow('it holds no generator.onnx; a run writes it at its end');
  const stop = new AbortController();
  stop.abort(new Error('enough'));
  await expect(judged('instances', { signal: stop.signal })).rejects.toThrow();
});

test('diversity sheets: of each run and of the data the images that score highest, in order, whatever the batches (seed 1)', async () => {
  const options: DiversityOptions = { classifier: { type: 'shades', model: 'shades' }, classes: [1, 0], count: 4, of: SIZE, seed: 1, batch: 5 }, before = engine.services.host.residents.size;
  const sheets = await diversity(engine, ['classes', 'looped', 'unconditional'].map(at), options);
  expect(sheets.map(({ label, rows }) => [label, rows.map(({ name }) => name)])).toEqual([1, 0].map((label) => [label, ['classes', 'looped', 'unconditional', 'real']]));
  for (const { label, rows } of sheets) {
    for (const { images, scores } of rows) {
      expect(images.dims).toEqual([4, 3, SIDE, SIDE]);
      expect(scores).toEqual([...scores].sort((a, b) => b - a));
      expect(scores).toEqual(Array.from({ length: 4 }, (_, i) => colours(images, 1).data[i * CLASSES + label]));
    }
    // Of the real ones all were seen, and they grow brighter with their index.
    const real = [21 + label, 18 + label, 15 + label, 12 + label];
    expect(Array.from(rows.at(-1)!.images.data, Number)).toEqual(real.flatMap((i) => [...pixels(i)]));
  }
  expect(notes.filter((note) => note.includes('looped: labels are drawn uniformly'))).not.toEqual([]);
  expect(engine.services.host.residents.size).toBe(before);
  const again = await diversity(engine, [at('classes')], { ...options, batch: 64 });
  again.forEach(({ rows: [row] }, i) => { row!.scores.forEach((score, j) => { expect(score).toBeCloseTo(sheets[i]!.rows[0]!.scores[j]!, 5); }); });
  const sheet = sheetOf(sheets[0]!, options);
  expect([sheet.title, sheet.columns, sheet.images.dims[0], sheet.captions!.map((caption) => caption.split('\n')[0])]).toEqual([
    `class 1: the 4 of ${SIZE} images that score highest, in order`, 4, 16, ['classes', 'looped', 'unconditional', 'real'],
  ]);
  await expect(diversity(engine, [at('classes')], { ...options, classes: [3] })).rejects.toThrow('--classes: there is no class 3; the classifier has 0 to 2');
  await expect(diversity(engine, [at('nowhere')], options)).rejects.toThrow('it holds no generator.onnx');
});
