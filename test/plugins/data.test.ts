import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { GantryError } from '../../engine/spec/issue.js';
import { isTransient } from '../../engine/spec/value.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import type { Dataset } from '../../engine/training/values.js';
import { createShuffle } from '../../plugins/data/batches.js';
import { draw } from '../../plugins/data/draw.js';
import { idx } from '../../plugins/data/idx.js';
import { means, mixture } from '../../plugins/data/mixture.js';
import { createResize, planar } from '../../plugins/data/resize.js';
import { stackedDigits } from '../../plugins/data/stacked-digits.js';
import { numbers, rig, shared, whenShared } from './rig.js';

let folder: string;
beforeEach(async () => { folder = await mkdtemp(path.join(os.tmpdir(), 'gantry-data-')); });
afterEach(() => rm(folder, { recursive: true }));

const idxBytes = (dims: readonly number[], data: ArrayLike<number>) => {
  const header = Buffer.alloc(4 + 4 * dims.length);
  header.writeUInt32BE(0x0800 | dims.length);
  dims.forEach((d, i) => { header.writeUInt32BE(d, 4 + 4 * i); });
  return Buffer.concat([header, Uint8Array.from(data)]);
};
/** Ten 4x4 images, image i filled with 25 i, label i. */
async function writeDigits({ count = 10, size = 4, labels = Array.from({ length: count }, (_, i) => i % 10) } = {}) {
  const pixels = Array.from({ length: count * size * size }, (_, i) => 25 * (Math.floor(i / (size * size)) % 10));
  await writeFile(path.join(folder, 'train-images-idx3-ubyte.gz'), gzipSync(idxBytes([count, size, size], pixels)));
  await writeFile(path.join(folder, 'train-labels-idx1-ubyte'), idxBytes([labels.length], labels));
}
const failure = async (run: Promise<unknown>): Promise<GantryError> => {
  const error = await run.then(() => undefined, (thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(GantryError);
  return error as GantryError;
};

describe('batches', () => {
  test('go through every epoch without repeating or dropping an image, across the seams', () => {
    const shuffle = createShuffle(7, (epoch) => keyedRandom(3, 'data', epoch, 'order').permutation(7));
    const seen = Array.from({ length: 14 }, (_, wave) => Array.from(shuffle(wave, 3))).flat();
    for (let epoch = 0; epoch < 6; epoch++) expect(seen.slice(7 * epoch, 7 * epoch + 7).sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(seen.slice(0, 7)).not.toEqual(seen.slice(7, 14));
    // Asked again, later, out of order: the same.
    expect(Array.from(shuffle(2, 3))).toEqual(seen.slice(6, 9));
  });
});

describe('data/mixture', () => {
  test('has the means of the released code and of the paper', () => {
    const config = (more: object) => mixture.config.parse({ layout: 'ring', ...more });
    const code = means(config({})), paper = means(config({ radius: 1, angle: 'cos-sin' }));
    expect(Array.from(code.slice(0, 2))).toEqual([0, 2]);
    expect(code[4]).toBeCloseTo(2, 6);
    expect(Array.from(paper.slice(0, 2))).toEqual([1, 0]);
    const grid = means(config({ layout: 'grid' }));
    expect(Array.from(grid.slice(2 * (5 * 1 + 3), 2 * (5 * 1 + 3) + 2))).toEqual([-2, 2]);
  });

  test('draws points about the mean of their label with the stated variance; a wave gives the same batch whenever it is asked', async () => {
    const data = await rig(mixture, { layout: 'grid', points: 5000, batch: 4000 });
    const { image, label, index } = await data.step(0);
    const truth = (data.initial.dataset as Dataset).mixture!;
    const points = numbers(image), labels = numbers(label);
    const squares = points.map((x, i) => (x - truth.means[2 * labels[i >> 1]! + (i % 2)]!) ** 2);
    expect(squares.reduce((a, b) => a + b) / squares.length / 0.0025).toBeCloseTo(1, 1);
    expect(new Set(numbers(index)).size).toBe(4000);
    expect(isTransient(data.initial.dataset)).toBe(true);
    await data.step(1);
    expect(numbers((await data.step(0)).image)).toEqual(points);
  });
});

describe('data/draw', () => {
  test('draws anew from a mixture, another sample each wave', async () => {
    const { dataset } = (await rig(mixture, { layout: 'ring', points: 10 })).initial;
    const node = await rig(draw, { count: 500 });
    const first = await node.step(0, { dataset }), second = await node.step(1, { dataset });
    expect(first.image.dims).toEqual([500, 2]);
    expect(numbers(first.image)).not.toEqual(numbers(second.image));
    expect(new Set(numbers(first.label)).size).toBe(8);
  });

  test('takes a subset without replacement where the distribution is unknown', async () => {
    await writeDigits();
    const { dataset } = (await rig(idx, { path: folder, resolution: 4 })).initial;
    const { label } = await (await rig(draw, { count: 10 })).step(0, { dataset });
    expect(numbers(label).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});

/** One plane of another size. */
function resized(pixels: Uint8Array, from: number, to: number): number[] {
  const before = { width: from, height: from }, after = { width: to, height: to }, out = new Uint8Array(to * to);
  for (const _ of createResize(before, after, 1, 'bilinear')(planar(pixels, before), planar(out, after)));
  return Array.from(out);
}

describe('resize', () => {
  test('is bilinear, rounded to 8 bits', () => {
    const out = resized(Uint8Array.of(0, 255, 0, 255), 2, 4);
    expect(out.slice(0, 4)).toEqual([0, 64, 191, 255]);
    expect(out.slice(12)).toEqual([0, 64, 191, 255]);
  });
  test('widens its filter when it shrinks', () => {
    // Per axis each half weighs 3 : 3 : 1 of its nearest three pixels.
    expect(resized(Uint8Array.from({ length: 16 }, (_, i) => [0, 0, 70, 0][i % 4]!), 4, 2)).toEqual([10, 30, 10, 30]);
  });
  // Made with Pillow 12.3.0: Image.fromarray(a).resize((to), FILTER) of a[y,x,c] = (7 x x + 37 y + 3 x y + 50 c) % 256, planes one after the other.
  test.each([
    ['bilinear', [13, 7], [5, 3], [48, 119, 148, 153, 149, 133, 132, 112, 137, 124, 185, 129, 124, 130, 131, 98, 136, 125, 149, 124, 169, 138, 128, 139, 140, 98, 121, 123, 144, 144, 148, 138, 125, 128, 149, 145, 114, 115, 130, 134, 81, 142, 122, 119, 103]],
    ['bicubic', [7, 11], [4, 3], [61, 106, 131, 135, 159, 151, 122, 120, 84, 129, 138, 133, 117, 154, 126, 110, 120, 123, 138, 119, 117, 155, 127, 137, 158, 151, 114, 109, 106, 105, 149, 118, 169, 120, 123, 126]],
    ['lanczos', [9, 5], [4, 3], [13, 81, 176, 168, 82, 144, 104, 121, 161, 162, 100, 115, 62, 135, 130, 139, 142, 157, 100, 161, 212, 157, 103, 140, 122, 158, 97, 140, 193, 149, 103, 146, 136, 65, 144, 97]],
    ['bicubic', [3, 2], [5, 4], [0, 0, 3, 17, 26, 7, 10, 15, 30, 39, 29, 31, 39, 54, 64, 39, 42, 51, 67, 77, 46, 49, 53, 67, 76, 57, 60, 65, 80, 89, 78, 81, 89, 104, 114, 89, 92, 101, 117, 127, 96, 99, 103, 117, 126, 107, 110, 115, 130, 139, 128, 131, 139, 154, 164, 139, 142, 151, 167, 177]],
  ] as const)('is %s as in Pillow, bit for bit: %j to %j, interleaved or in planes', (resampler, [width, height], [w, h], expected) => {
    const from = { width, height }, to = { width: w, height: h };
    const pixels = Uint8Array.from({ length: 3 * width * height }, (_, i) => {
      const c = i % 3, x = Math.floor(i / 3) % width, y = Math.floor(i / 3 / width);
      return (7 * x * x + 37 * y + 3 * x * y + 50 * c) % 256;
    });
    const out = new Uint8Array(expected.length), one = new Uint8Array(expected.length / 3);
    for (const _ of createResize(from, to, 3, resampler)({ data: pixels, start: 0, row: 3 * width, column: 3, channel: 1 }, planar(out, to)));
    expect(Array.from(out)).toEqual(expected);
    for (const _ of createResize(from, to, 1, resampler)({ data: pixels, start: 1, row: 3 * width, column: 3, channel: 0 }, planar(one, to)));
    expect(Array.from(one)).toEqual(expected.slice(one.length, 2 * one.length));
  });

  test('keeps a flat image', () => {
    expect(resized(new Uint8Array(28 * 28).fill(201), 28, 32).every((v) => v === 201)).toBe(true);
  });
});

describe('data/idx', () => {
  test('reads raw and gzipped files, resizes once, and scales to [-1,1]', async () => {
    await writeDigits();
    const data = await rig(idx, { path: folder, resolution: 8, batch: 10 });
    const { image, label } = await data.step(0);
    expect(image.dims).toEqual([10, 1, 8, 8]);
    numbers(label).forEach((digit, i) => { expect(image.data[64 * i + 9]).toBeCloseTo((25 * digit) / 127.5 - 1, 6); });
  });

  test('says how many bytes a truncated file lacks, gzipped or raw', async () => {
    await writeDigits({ count: 100 });
    const images = path.join(folder, 'train-images-idx3-ubyte.gz');
    const whole = gzipSync(idxBytes([100, 4, 4], keyedRandom(1, 'x', 0, 'noise').integers(1600, 256)));
    await writeFile(images, whole.subarray(0, whole.length - 400));
    const packed = await failure(rig(idx, { path: folder }));
    expect(packed.exitCode).toBe(2);
    expect(packed.message).toMatch(/train-images-idx3-ubyte\.gz: it has \d+ bytes after decompression; 1616 are wanted: its header says 100 x 4 x 4 images, and it was cut short/);
    await writeFile(images, gunzipSync(whole).subarray(0, 1000));
    expect((await failure(rig(idx, { path: folder }))).message).toMatch(/it has 1000 bytes; 1616 are wanted/);
    await writeFile(images, whole.subarray(0, 12));
    expect((await failure(rig(idx, { path: folder }))).message).toMatch(/starts with a header of 16: it was cut short/);
  });

  test.each([
    ['another kind of file', async () => writeFile(path.join(folder, 'train-images-idx3-ubyte.gz'), idxBytes([20], new Uint8Array(20))), /starts with 0x00000801; an IDX file of images starts with 0x00000803/],
    ['a damaged gzip file', async () => writeFile(path.join(folder, 'train-images-idx3-ubyte.gz'), Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 255, 255, 255])), /not a sound gzip file/],
    ['too few labels', () => writeDigits({ labels: [1, 2, 3] }), /it has 3 labels; .* has 10 images/],
    ['a label out of range', () => writeDigits({ labels: [0, 1, 2, 3, 4, 5, 6, 7, 8, 77] }), /label 9 is 77; labels below 10/],
    ['no labels', () => rm(path.join(folder, 'train-labels-idx1-ubyte')), /none of train-labels-idx1-ubyte, .* is there/],
  ])('refuses %s', async (_, spoil, says) => {
    await writeDigits();
    await spoil();
    const error = await failure(rig(idx, { path: folder }));
    expect(error.message).toMatch(says);
    expect(error.exitCode).toBe(2);
  });

  test('refuses a folder that is not there, and unknown files if known ones are wanted', async () => {
    expect((await failure(rig(idx, { path: path.join(folder, 'nowhere') }))).message).toMatch(/nowhere: there is no such file or folder/);
    await writeDigits();
    expect((await failure(rig(idx, { path: folder, checksum: 'known' }))).message).toMatch(/its checksum is sha256:/);
  });

  whenShared('knows MNIST, gzipped and raw', async () => {
    const mnist = path.join(shared, 'data/mnist');
    const test10k = await rig(idx, { path: mnist, split: 'test', checksum: 'known' });
    expect((test10k.initial.dataset as Dataset).size).toBe(10_000);
    for (const name of ['t10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte']) {
      const raw = gunzipSync(await readFile(path.join(mnist, `${name}.gz`)));
      await writeFile(path.join(folder, name), raw);
    }
    const again = await rig(idx, { path: folder, split: 'test', checksum: 'known' });
    expect(numbers((await again.step(5)).image)).toEqual(numbers((await test10k.step(5)).image));
  });
});

describe('data/stacked-digits', () => {
  test('stacks three digits; the label is 100 a + 10 b + c; the triples depend on the seed alone', async () => {
    await writeDigits();
    const config = { path: folder, resolution: 4, count: 200, batch: 50 };
    const data = await rig(stackedDigits, config);
    const { image, label } = await data.step(1);
    expect(image.dims).toEqual([50, 3, 4, 4]);
    numbers(label).forEach((id, i) => {
      [Math.floor(id / 100), Math.floor(id / 10) % 10, id % 10].forEach((digit, c) => {
        expect(image.data[(3 * i + c) * 16]).toBeCloseTo((25 * digit) / 127.5 - 1, 6);
      });
    });
    expect(new Set(numbers(label)).size).toBeGreaterThan(30);
    expect(numbers((await (await rig(stackedDigits, config)).step(1)).label)).toEqual(numbers(label));
    expect(numbers((await (await rig(stackedDigits, config, { seed: 2 })).step(1)).label)).not.toEqual(numbers(label));
  });
});
