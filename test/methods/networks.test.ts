/** @file Nodes that read the weights of trained networks: features, a fixed sample, labels by the nearest centre, generated images; in pieces as at once. */
import type { NodeType } from '../../engine/dataflow/node.js';
import type { SessionHost } from '../../engine/session/host.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { createWorkerHost } from '../../engine/session/worker-host.js';
import type { ImageGrid, Pages } from '../../engine/spec/picture.js';
import { int64, isResident, tensor, transient, type Tensorial, type TensorValue } from '../../engine/spec/value.js';
import type { Clusters, Dataset } from '../../engine/training/values.js';
import { captionOf, clusterPages } from '../../plugins/networks/cluster-pages.js';
import { features } from '../../plugins/networks/features.js';
import { generateImages } from '../../plugins/networks/generate.js';
import { probe } from '../../plugins/networks/probe.js';
import { sheet } from '../../plugins/networks/sheet.js';
import { label } from '../../plugins/self-conditioned-gan/label.js';
import { LABELS } from '../training/small.js';
import { servicesOf, startTrainer, type Trainer } from '../training/trainer.js';

const seed = 13;
let host: SessionHost, trainer: Trainer;
beforeAll(async () => {
  host = await createWorkerHost({ threads: 1 });
  trainer = await startTrainer(host, { averaging: { decay: 0.9 } });
  for (let wave = 0; wave < 2; wave++) await trainer.step(wave);
});
afterAll(() => host.close());

const draw = (name: string) => keyedRandom(seed, 'test', 0, name);
const points = (count: number) => tensor('f32', [count, 2], draw('points').normal(2 * count));
const numbers = async (value: unknown) => Array.from((isResident(value) ? await host.get(value) : (value as TensorValue)).data as ArrayLike<number | bigint>, Number);

/** Starts a node and steps it once. */
async function once(type: NodeType, config: object, inputs: Readonly<Record<string, unknown>>, wave = 0, sizes: Readonly<Record<string, number>> = {}): Promise<Readonly<Record<string, Tensorial>>> {
  const services = servicesOf(host), unknown = (): never => { throw new Error('not asked for'); };
  const behaviour = await type.start(type.config.parse(config), { node: 'node', services, signal: new AbortController().signal, random: (name) => keyedRandom(seed, 'node', 0, name), wired: () => true, type: unknown, size: (letter) => sizes[letter] ?? unknown(), rest: unknown });
  const { outputs } = await behaviour.step(behaviour.state, inputs as never, {
    node: 'node', wave, services, signal: new AbortController().signal, random: (name) => keyedRandom(seed, 'node', wave, name),
  });
  return outputs as Readonly<Record<string, Tensorial>>;
}

/** 30 labelled points that remember how they were asked for. */
function dataset(): Dataset & { readonly asked: number[][] } {
  const all = points(30), asked: number[][] = [];
  return {
    [transient]: true, name: 'points', key: 'points', size: 30, image: { dtype: 'f32', dims: [2] }, classes: 3, labels: Int32Array.from({ length: 30 }, (_, i) => i % 3), asked,
    read: (indices) => {
      asked.push(Array.from(indices));
      return {
        image: tensor('f32', [indices.length, 2], Float32Array.from({ length: 2 * indices.length }, (_, i) => all.data[2 * indices[i >> 1]! + (i % 2)] as number)),
        label: tensor('i64', [indices.length], BigInt64Array.from(indices as Iterable<number>, (i) => BigInt(i % 3))),
      };
    },
  };
}

test(`a probe sees the same sample in every wave, whatever its pieces (seed ${seed})`, async () => {
  const now = { wave: 0 }, { weights } = trainer, data = dataset();
  const whole = await once(probe, { images: 12, batch: 12 }, { now, dataset: data, weights });
  const pieces = await once(probe, { images: 12, batch: 5 }, { now, dataset: data, weights }, 7);
  expect(data.asked.map((asked) => asked.length)).toEqual([12, 5, 5, 2]);
  expect(data.asked.slice(1).flat()).toEqual(data.asked[0]);
  expect(new Set(data.asked[0]).size).toBe(12);
  expect(whole.feature!.dims).toEqual([12, 4]);
  const [a, b] = await Promise.all([numbers(whole.feature), numbers(pieces.feature)]);
  b.forEach((v, i) => { expect(v).toBeCloseTo(a[i]!, 5); });
  expect(await numbers(pieces.label)).toEqual(data.asked[0]!.map((i) => i % 3));
  expect(await numbers(pieces.index)).toEqual(data.asked[0]);
  expect(await once(probe, { images: 100 }, { now, dataset: data, weights })).toMatchObject({ feature: { dims: [30, 4] } });
});

test(`features of a batch are the probe's of the same images (seed ${seed})`, async () => {
  const { weights } = trainer, data = dataset(), { feature } = await once(probe, { images: 30 }, { now: {}, dataset: data, weights });
  const order = data.asked[0]!, { image } = await data.read(Int32Array.from(order), draw('unused'));
  const same = await once(features, {}, { image, weights });
  expect(isResident(same.feature)).toBe(true);
  expect(await numbers(same.feature)).toEqual(await numbers(feature));
});

test(`an image's label is the mapped nearest centre among its features, in pieces as at once (seed ${seed})`, async () => {
  const { weights } = trainer, image = points(23), { feature } = await once(features, {}, { image, weights });
  const f = await numbers(feature), centres = Float32Array.from(f.slice(0, 5 * 4)), mapping = [3, 0, 4, 1, 2];
  const clusters: Clusters = { weights, centres: tensor('f32', [5, 4], centres), mapping: tensor('i64', [5], BigInt64Array.from(mapping, BigInt)), counts: tensor('i64', [5], new BigInt64Array(5)) };
  const distance = (n: number, c: number) => [0, 1, 2, 3].reduce((sum, j) => sum + (f[4 * n + j]! - centres[4 * c + j]!) ** 2, 0);
  const nearest = Array.from({ length: 23 }, (_, n) => mapping[[0, 1, 2, 3, 4].reduce((best, c) => (distance(n, c) < distance(n, best) ? c : best), 0)]!);
  expect(nearest.slice(0, 5)).toEqual(mapping);
  expect(await numbers((await once(label, {}, { image, clusters })).label)).toEqual(nearest);
  expect(await numbers((await once(label, { batch: 10 }, { image, clusters })).label)).toEqual(nearest);
});

test(`generated images are one a label, of the averaged generator unless told otherwise (seed ${seed})`, async () => {
  const { weights } = trainer, labels = tensor('i64', [11], BigInt64Array.from({ length: 11 }, (_, i) => BigInt(i % LABELS)));
  const make = async (config: object, wave = 0) => numbers((await once(generateImages, config, { label: labels, weights }, wave)).image);
  const [whole, pieces, live, later] = [await make({}), await make({ batch: 4 }), await make({ averaged: false }), await make({}, 1)];
  expect(whole).toHaveLength(22);
  pieces.forEach((v, i) => { expect(v).toBeCloseTo(whole[i]!, 5); });
  const apart = (other: readonly number[]) => Math.max(...other.map((v, i) => Math.abs(v - whole[i]!)));
  expect(apart(live)).toBeGreaterThan(1e-4);
  expect(apart(later)).toBeGreaterThan(1e-3);
});

test(`a sheet shows labels from the commonest to the rarest: real images, then samples, the same ones in every wave (seed ${seed})`, async () => {
  // Label 0 has four images, label 2 three, label 1 one: of three labels, two rows are the first and the last.
  const image = points(8), label = tensor('i64', [8], BigInt64Array.from([0, 2, 0, 1, 2, 0, 0, 2], BigInt)), { weights } = trainer;
  const shown = async (labels: number, wave: number) => ((await once(sheet, { labels, real: 2, samples: 3 }, { image, label, weights }, wave)) as unknown as { picture: ImageGrid }).picture;
  const two = await shown(2, 0), at = (grid: ImageGrid, place: number) => Array.from(grid.images.data.subarray(2 * place, 2 * place + 2), Number);
  const real = (i: number) => Array.from(image.data.subarray(2 * i, 2 * i + 2), Number);
  expect([two.columns, two.apart, two.images.dims]).toEqual([5, 2, [10, 2]]);
  expect([at(two, 0), at(two, 1), at(two, 5), at(two, 6)]).toEqual([real(0), real(2), real(3), [0, 0]]);
  const all = await shown(8, 1);
  expect(all.images.dims).toEqual([15, 2]);
  expect([at(all, 5), at(all, 6)]).toEqual([real(1), real(4)]);
  for (const place of [2, 3, 4]) at(all, place).forEach((v, i) => { expect(v).toBeCloseTo(at(two, place)[i]!, 5); });
  expect(at(all, 2)).not.toEqual(at(all, 3));
});

test(`pages show every cluster, an empty one too: its members in the sample's order, samples of the same latents, and what is known of it (seed ${seed})`, async () => {
  // Six images of the data set, of classes 0 1 2 0 1 2: cluster 0 has the first, third and last of the sample, cluster 2 the rest, others none.
  const { weights } = trainer, data = dataset(), index = int64([9, 4, 17, 3, 25, 8]), cluster = int64([0, 2, 0, 2, 2, 0]), classes = int64([0, 1, 2, 0, 1, 2]);
  const inputs = { now: {}, cluster, index, class: classes, moved: tensor('f32', [LABELS], Float32Array.from({ length: LABELS }, (_, c) => (c === 2 ? 1 / 3 : 0))), dataset: data, weights };
  const shown = async (config: object, given: object, wave: number) => ((await once(clusterPages, config, { ...inputs, ...given }, wave, { K: LABELS })) as unknown as { picture: Pages }).picture.pages;
  const [page, ...none] = await shown({ real: 2, samples: 3 }, {}, 0), at = (grid: ImageGrid, row: number, column: number) => Array.from(grid.images.data.subarray(2 * (5 * row + column), 2 * (5 * row + column) + 2), Number);
  expect(none).toEqual([]);
  expect([page!.columns, page!.apart, page!.images.dims]).toEqual([5, 2, [5 * LABELS, 2]]);
  const real = async (i: number) => Array.from((await data.read(Int32Array.of(i), draw('unused'))).image.data, Number);
  expect([at(page!, 0, 0), at(page!, 0, 1), at(page!, 1, 0), at(page!, 1, 1), at(page!, 2, 0), at(page!, 2, 1)]).toEqual([await real(9), await real(17), [0, 0], [0, 0], await real(4), await real(3)]);
  expect(page!.captions!.slice(0, 3)).toEqual(['0: 3 images, 50 %\n0.0 % new, 67 % class 2', '1: empty', '2: 3 images, 50 %\n33 % new, 67 % class 1']);
  // In smaller pages and another wave, without what is optional: the same images.
  const small = await shown({ real: 2, samples: 3, rows: 1 }, { class: undefined, moved: undefined }, 7);
  expect(small.map(({ title, captions }) => [title, captions![0]]).slice(0, 2)).toEqual([['clusters 0 to 0: real images, samples', '0: 3 images, 50 %'], ['clusters 1 to 1: real images, samples', '1: empty']]);
  expect(small).toHaveLength(LABELS);
  small.forEach((one, row) => { for (let column = 0; column < 5; column++) at(one, 0, column).forEach((v, i) => { expect(v).toBeCloseTo(at(page!, row, column)[i]!, 5); }); });
  expect(at(page!, 0, 2)).not.toEqual(at(page!, 0, 3));
  expect(at(page!, 0, 2)).not.toEqual(at(page!, 2, 2));
  await expect(once(clusterPages, {}, inputs, 0, { K: LABELS + 1 })).rejects.toThrow(`there are ${LABELS + 1} clusters; the generator makes images for ${LABELS} labels`);
});

test('a caption counts, and of classes that are as common names the first', () => {
  const about = (members: readonly number[], more: object = {}) => captionOf({ cluster: 4, members, of: 40, nameOf: (c) => ['cat', 'dog'][c]!, ...more });
  expect(about([7])).toBe('4: 1 image, 2.5 %');
  expect(about([0, 1, 2, 3], { classes: [1, 0, 0, 1] })).toBe('4: 4 images, 10 %\n50 % cat');
  expect(about([0, 1, 2, 3], { moved: 0.25 })).toBe('4: 4 images, 10 %\n25 % new');
});
