/** CIFAR's binary batches: what is read, and what is refused. */
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { GantryError } from '../../engine/spec/issue.js';
import type { Dataset } from '../../engine/training/values.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { cifar } from '../../plugins/data/cifar.js';
import { numbers, rig, shared, whenShared } from './rig.js';

let folder: string;
beforeEach(async () => { folder = await mkdtemp(path.join(os.tmpdir(), 'gantry-cifar-')); });
afterEach(() => rm(folder, { recursive: true }));

/** Records whose planes are filled with 10 label + channel; CIFAR-100 has two labels. */
const write = (name: string, labels: readonly (readonly number[])[]) => writeFile(path.join(folder, name), Buffer.concat(labels.map((label) =>
  Buffer.from([...label, ...Array.from({ length: 3072 }, (_, i) => (10 * label.at(-1)! + Math.floor(i / 1024)) % 256)]))));
async function open(config: object = {}): Promise<{ dataset: Dataset; bytes(...indices: number[]): Promise<number[]> }> {
  const { dataset } = (await rig(cifar, { path: folder, ...config })).initial as { dataset: Dataset };
  return {
    dataset,
    bytes: async (...indices) => numbers((await dataset.read(Int32Array.from(indices), keyedRandom(1, 'x', 0, 'y'))).image).map((x) => Math.round((x + 1) * 127.5)),
  };
}
const refused = async (config: object): Promise<string> => {
  const error: unknown = await (cifar.dims!(cifar.config.parse({ path: folder, ...config }), { resolve: (given: string) => given } as never) as Promise<unknown>)
    .then(() => open(config)).then(() => undefined, (thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(GantryError);
  expect((error as GantryError).exitCode).toBe(2);
  return (error as GantryError).message;
};

test('any of the batches of CIFAR-10, in their order, with names where they are told', async () => {
  await write('data_batch_4.bin', [[7], [3]]);
  await write('data_batch_2.bin', [[9], [0], [1]]);
  await writeFile(path.join(folder, 'batches.meta.txt'), 'a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n');
  const { dataset, bytes } = await open();
  expect(dataset).toMatchObject({ size: 5, classes: 10, labels: Int32Array.of(9, 0, 1, 7, 3), classNames: ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'] });
  expect((await bytes(3, 0)).filter((_, i) => i % 1024 === 5)).toEqual([70, 71, 72, 90, 91, 92]);
  expect([0, 3, 4].map((i) => dataset.nameOf!(i))).toEqual(['data_batch_2.bin:0', 'data_batch_4.bin:0', 'data_batch_4.bin:1']);
});

test('CIFAR-100 with fine or coarse labels; the test split is another file', async () => {
  await write('train.bin', [[19, 99], [4, 30]]);
  await write('test.bin', [[1, 2]]);
  expect((await open({ set: 'cifar-100' })).dataset).toMatchObject({ classes: 100, labels: Int32Array.of(99, 30) });
  expect((await open({ set: 'cifar-100-coarse' })).dataset).toMatchObject({ classes: 20, labels: Int32Array.of(19, 4) });
  const { dataset, bytes } = await open({ set: 'cifar-100', split: 'test', resolution: 40 });
  expect(dataset.image.dims).toEqual([3, 40, 40]);
  expect((await bytes(0)).filter((_, i) => i % 800 === 0)).toEqual([20, 20, 21, 21, 22, 22]);
});

test('another resolution, set or content is another data set', async () => {
  await write('train.bin', [[19, 99]]);
  const keys = [];
  for (const config of [{ set: 'cifar-100' }, { set: 'cifar-100-coarse' }, { set: 'cifar-100', resolution: 16 }, { set: 'cifar-100' }]) keys.push((await open(config)).dataset.key);
  await write('train.bin', [[19, 98]]);
  keys.push((await open({ set: 'cifar-100' })).dataset.key);
  expect([new Set(keys).size, keys[3]]).toEqual([4, keys[0]]);
});

test('files that are not there, cut short or of another kind are refused', async () => {
  expect(await refused({})).toMatch(/none of data_batch_1\.bin, .*, data_batch_5\.bin is there: they are the train batches of cifar-10/);
  await write('data_batch_1.bin', [[1], [2]]);
  await truncate(path.join(folder, 'data_batch_1.bin'), 5000);
  expect(await refused({})).toMatch(/data_batch_1\.bin: it has 5000 bytes, no whole number of records of 3073/);
  await write('data_batch_1.bin', [[1], [10]]);
  expect(await refused({})).toMatch(/record 1 has label 10; cifar-10 has 10 classes/);
  await write('data_batch_1.bin', [[1]]);
  await writeFile(path.join(folder, 'batches.meta.txt'), 'a\nb\n');
  expect(await refused({})).toMatch(/batches\.meta\.txt: it names 2 classes; there are 10/);
});

whenShared('a whole batch of CIFAR-10 is labelled as its order says', async () => {
  const { dataset } = await open({ path: path.join(shared, 'data/cifar10') });
  expect([dataset.size, dataset.classNames![dataset.labels[0]!], dataset.classNames![dataset.labels[1]!]]).toEqual([10_000, 'truck', 'ship']);
});
