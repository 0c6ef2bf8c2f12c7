/** @file Instances: whose neighbour, whose vector, whose label; how often each class comes; pairs of neighbours; and what can't be drawn. */
import { tensor, transient, type TensorValue } from '../../engine/spec/value.js';
import type { Dataset, Features, Neighbours } from '../../engine/training/values.js';
import { classMasses } from '../../plugins/samplers/balance.js';
import { instances } from '../../plugins/samplers/instances.js';
import { pairs } from '../../plugins/samplers/pairs.js';
import { numbers, rig } from './rig.js';

const seed = 6, SIZE = 40, K = 3;
/** Class 0 has 24 images, class 1 has 12, class 2 has 4. */
const labels = Int32Array.from({ length: SIZE }, (_, i) => (i < 24 ? 0 : i < 36 ? 1 : 2));
const integers = (values: ArrayLike<number>) => tensor('i64', [values.length], BigInt64Array.from(values as number[], BigInt));
/** An image is its own index. */
const dataset: Dataset = {
  [transient]: true, name: 'numbers', key: 'numbers', size: SIZE, image: { dtype: 'f32', dims: [1] }, classes: 3, labels,
  read: (indices) => ({ image: tensor('f32', [indices.length, 1], Float32Array.from(indices)), label: integers(Array.from(indices, (i) => labels[i]!)) }),
};
/** A vector is its image's index, and minus that of its mirror image. */
const features = (flips = true, size = SIZE): Features => ({
  [transient]: true, key: 'features', size, width: 2, normalised: true, labels, classes: 3, flips,
  read: (indices, mirrored) => tensor('f32', [indices.length, 2], Float32Array.from({ length: 2 * indices.length }, (_, i) => (i % 2 ? (mirrored?.[i >> 1] ? -1 : 1) : indices[i >> 1]!))),
});
const index = Int32Array.from({ length: SIZE * K }, (_, i) => (Math.floor(i / K) + 1 + (i % K)) % SIZE);
const neighbours: Neighbours = { [transient]: true, features: features(), k: K, index, distance: new Float32Array(SIZE * K) };
const isNeighbour = (j: number, i: number) => Array.from(index.subarray(i * K, (i + 1) * K)).includes(j);
const batch = Int32Array.from({ length: 200 }, (_, i) => (7 * i) % SIZE);

const sample = async (config: object, more: object = {}, wave = 0) => {
  const node = await rig(instances, config, { seed });
  const outputs = await node.step(wave, { index: integers(batch), dataset, ...more });
  return Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, numbers(value as TensorValue)]));
};
const firsts = (vectors: readonly number[] | undefined) => vectors!.filter((_, i) => i % 2 === 0);

test(`a real image is a neighbour of its instance, with the instance's vector and its own label (seed ${seed})`, async () => {
  const { image, label, vector, index: chosen } = await sample({}, { features: features(), neighbours });
  expect(chosen).toEqual(Array.from(batch));
  expect(firsts(vector)).toEqual(chosen);
  image!.forEach((j, n) => { expect([isNeighbour(j, chosen![n]!), label![n]]).toEqual([true, labels[j]]); });
  const places = image!.map((j, n) => (j - chosen![n]! - 1 + SIZE) % SIZE);
  for (let place = 0; place < K; place++) expect(places.filter((p) => p === place).length / batch.length).toBeCloseTo(1 / K, 0.9);
});

test(`conditions of generated images are independent, and their label is a neighbour's of their own instance (seed ${seed})`, async () => {
  const drawn = await sample({}, { features: features(), neighbours }), again = await sample({}, { features: features(), neighbours }), later = await sample({}, { features: features(), neighbours }, 1);
  expect(again).toEqual(drawn);
  expect(later.fake_vector).not.toEqual(drawn.fake_vector);
  const [fake, fool] = [firsts(drawn.fake_vector), firsts(drawn.fool_vector)];
  expect(fake).not.toEqual(fool);
  expect(fake.filter((i, n) => i === batch[n]).length).toBeLessThan(20);
  fake.forEach((i, n) => { expect(Array.from({ length: K }, (_, k) => labels[index[i * K + k]!])).toContain(drawn.fake_label![n]); });
});

test(`without features there are images and labels alone; without neighbours an instance stands for itself (seed ${seed})`, async () => {
  const plain = await sample({});
  expect(Object.keys(plain).sort()).toEqual(['fake_label', 'fool_label', 'image', 'index', 'label']);
  expect(plain.image).toEqual(Array.from(batch));
  const own = await sample({}, { features: features() });
  expect(own.image).toEqual(firsts(own.vector));
});

test(`mirrored vectors come half of the time, and not in step with anything else (seed ${seed})`, async () => {
  const signs = (vectors: readonly number[] | undefined) => vectors!.filter((_, i) => i % 2 === 1);
  const { vector, fake_vector } = await sample({ mirrored: true }, { features: features(), neighbours });
  const share = signs(vector).filter((s) => s < 0).length / batch.length;
  expect(Math.abs(share - 0.5)).toBeLessThan(0.12);
  expect(signs(vector)).not.toEqual(signs(fake_vector));
  expect(signs((await sample({}, { features: features(), neighbours })).vector).every((s) => s > 0)).toBe(true);
});

test.each([
  ['instance', [0.6, 0.3, 0.1]], ['class', [1 / 3, 1 / 3, 1 / 3]],
  ['inverse-frequency', [1 / 24, 1 / 12, 1 / 4].map((m) => m / (9 / 24))],
  ['temperature', [0.6, 0.3, 0.1].map((p) => Math.sqrt(p) / (Math.sqrt(0.6) + Math.sqrt(0.3) + Math.sqrt(0.1)))],
] as const)(`balance "%s" gives classes their mass, and images of a class equal shares (seed ${seed})`, async (balance, masses) => {
  const node = await rig(instances, { balance }, { seed }), counts = [0, 0, 0], own = new Map<number, number>(), waves = 30;
  for (let wave = 0; wave < waves; wave++) {
    const { fake_label, fool_label, image, label } = await node.step(wave, { index: integers(batch), dataset });
    for (const value of [fake_label, fool_label, label]) for (const c of numbers(value)) counts[c]!++;
    for (const i of numbers(image)) own.set(i, (own.get(i) ?? 0) + 1);
  }
  const total = counts.reduce((a, b) => a + b);
  counts.forEach((n, c) => { expect(Math.abs(n / total - masses[c]!)).toBeLessThan(0.02); });
  const smallest = [36, 37, 38, 39].map((i) => own.get(i)!);
  expect(Math.max(...smallest) / Math.min(...smallest)).toBeLessThan(1.5);
});

test(`only instances that are allowed come (seed ${seed})`, async () => {
  const among = integers([3, 30]), { index: chosen, image, fake_vector } = await sample({}, { features: features(), neighbours, among });
  expect([...new Set(chosen)].sort()).toEqual([3, 30]);
  expect([...new Set(firsts(fake_vector))].sort()).toEqual([3, 30]);
  image!.forEach((j, n) => { expect(isNeighbour(j, chosen![n]!)).toBe(true); });
});

test('masses of classes: those without images have none', () => {
  expect(Array.from(classMasses([2, 0, 6], 'class', 1))).toEqual([1, 0, 1]);
  expect(Array.from(classMasses([2, 0, 6], 'inverse-frequency', 1))).toEqual([4, 0, 8 / 6]);
  expect(Array.from(classMasses([2, 0, 6], 'temperature', 1))).toEqual([0.25, 0, 0.75]);
});

test('features of other images, or without mirrored ones, are refused', async () => {
  await expect(sample({}, { features: features(true, 39) })).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining('of 39 images, the data set has 40') });
  await expect(sample({ mirrored: true }, { features: features(false) })).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining('no vectors of mirrored images') });
});

describe(`pairs (seed ${seed})`, () => {
  const paired = async (config: object, wave = 0) => {
    const { image, neighbour, label } = await (await rig(pairs, config, { seed })).step(wave, { index: integers(batch), dataset, neighbours });
    return { image: numbers(image), neighbour: numbers(neighbour), label: numbers(label) };
  };

  test('each image comes with its own label, beside one of its neighbours, all of them alike often', async () => {
    const { image, neighbour, label } = await paired({ self: false });
    expect(image).toEqual(Array.from(batch));
    expect(label).toEqual(image.map((i) => labels[i]));
    neighbour.forEach((j, n) => { expect(isNeighbour(j, image[n]!)).toBe(true); });
    // Standard deviations of a share of 200: 0.033.
    for (let place = 1; place <= K; place++) expect(Math.abs(neighbour.filter((j, n) => (j - image[n]! + SIZE) % SIZE === place).length / 200 - 1 / K)).toBeLessThan(0.11);
  });

  test('an image may be its own neighbour, as often as any other', async () => {
    const { image, neighbour } = await paired({});
    neighbour.forEach((j, n) => { expect(j === image[n] || isNeighbour(j, image[n]!)).toBe(true); });
    for (let place = 0; place <= K; place++) expect(Math.abs(neighbour.filter((j, n) => (j - image[n]! + SIZE) % SIZE === place).length / 200 - 1 / (K + 1))).toBeLessThan(0.1);
  });

  test('they are drawn by the wave, and both images are augmented, each by draws of its own', async () => {
    const [first, again, later] = [await paired({}), await paired({}), await paired({}, 1)];
    expect(again).toEqual(first);
    expect(later.neighbour).not.toEqual(first.neighbour);
    const augmented: Dataset = { ...dataset, read: (indices, random) => ({ image: tensor('f32', [indices.length, 1], random!.uniform(indices.length)), label: integers(Array.from(indices, () => 0)) }) };
    const { image, neighbour } = await (await rig(pairs, {}, { seed })).step(0, { index: integers(batch), dataset: augmented, neighbours });
    expect(numbers(image)).not.toEqual(numbers(neighbour));
  });

  test('neighbours of other images are refused', async () => {
    const step = (await rig(pairs, {}, { seed })).step(0, { index: integers(batch), dataset, neighbours: { ...neighbours, features: features(true, 39) } });
    await expect(step).rejects.toMatchObject({ exitCode: 2, message: expect.stringMatching(/nodes\.node\.in\.neighbours: they are of 39 images, the data set has 40/) });
  });
});
