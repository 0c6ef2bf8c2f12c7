/** Photos of a folder: what is listed, what becomes of odd files, and what is decoded when. */
import { cp, mkdir, mkdtemp, readdir, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { GantryError } from '../../engine/spec/issue.js';
import type { Dataset } from '../../engine/training/values.js';
import { draw } from '../../plugins/data/draw.js';
import { imageFolder } from '../../plugins/data/image-folder.js';
import { listImages } from '../../plugins/data/image-files.js';
import { comparison } from '../parity/comparison.js';
import { readFixture } from '../parity/fixture.js';
import { preparation } from '../parity/kinds/units/preparation.js';
import { numbers, rig, shared, whenShared } from './rig.js';

let folder: string;
beforeEach(async () => { folder = await mkdtemp(path.join(os.tmpdir(), 'gantry-photos-')); });
afterEach(() => rm(folder, { recursive: true }));

type Rgb = readonly [number, number, number];
const plain = ([r, g, b]: Rgb, width = 12, height = 8) => sharp({ create: { width, height, channels: 3, background: { r, g, b } } });
async function put(name: string, bytes: Buffer | string): Promise<void> {
  await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
  await writeFile(path.join(folder, name), bytes);
}
const png = (colour: Rgb, width?: number, height?: number) => plain(colour, width, height).png().toBuffer();

/** Starts the loader; `notes` has its remarks. */
async function open(config: object = {}, { signal = new AbortController().signal, progress = (_what: string, _done: number, _total: number) => {} } = {}) {
  const notes: string[] = [], unresolved = () => { throw new Error('sizes are not resolved here'); };
  const services = {
    host: undefined as never, resolve: (given: string) => given, cache: path.join(folder, '.cache'), progress, note: (text: string) => { notes.push(text); }, component: unresolved,
  };
  const behaviour = await imageFolder.start(imageFolder.config.parse({ path: folder, resolution: 4, ...config }), {
    node: 'data', services, signal, random: (name) => keyedRandom(1, 'data', 0, name), wired: () => true, type: unresolved, size: unresolved, rest: unresolved,
  });
  const dataset = behaviour.initial!({}).dataset as Dataset;
  const read = async (...indices: number[]) => dataset.read(Int32Array.from(indices), keyedRandom(1, 'x', 0, 'y'));
  /** An image's bytes. */
  const bytes = async (...indices: number[]) => numbers((await read(...indices)).image).map((x) => Math.round((x + 1) * 127.5));
  return { dataset, notes, read, bytes, all: () => bytes(...Array.from({ length: dataset.size }, (_, i) => i)) };
}
const failure = async (run: Promise<unknown>): Promise<GantryError> => {
  const error = await run.then(() => undefined, (thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(GantryError);
  expect((error as GantryError).exitCode).toBe(2);
  return error as GantryError;
};
const dims = (config: object) => imageFolder.dims!(imageFolder.config.parse(config), { resolve: (given: string) => given } as never);

describe('listing', () => {
  test('sub-folders are classes by name, all that is below them is theirs, and hidden and other files are no photos', async () => {
    for (const name of ['b/2.JPG', 'b/10.jpeg', 'b/deep/er/1.webp', 'B/x.png', 'a-b/x.png', 'é/x.png', 'none/readme.txt', 'b/.hidden.jpg', '.git/x.png']) await put(name, 'x');
    const { paths, labels, classNames, others, empty } = await listImages(folder);
    expect(classNames).toEqual(['B', 'a-b', 'b', 'é']);
    expect(paths).toEqual(['B/x.png', 'a-b/x.png', 'b/10.jpeg', 'b/2.JPG', 'b/deep/er/1.webp', 'é/x.png']);
    expect(Array.from(labels)).toEqual([0, 1, 2, 2, 2, 3]);
    expect({ others: [...others], empty }).toEqual({ others: [['.txt', 1]], empty: ['none'] });
  });

  test('a flat folder is one class; links are followed, but not in circles', async () => {
    await put('photos/1.png', 'x');
    await symlink(path.join(folder, 'photos'), path.join(folder, 'linked'));
    expect(await listImages(path.join(folder, 'linked'))).toMatchObject({ classes: 1, paths: ['1.png'] });
    await put('round/a/1.png', 'x');
    await symlink(path.join(folder, 'round'), path.join(folder, 'round/a/again'));
    expect((await failure(listImages(path.join(folder, 'round')))).message).toMatch(/the folder has no end/);
  });

  test('a list says which photos and labels; its paths are relative to the folder or to itself', async () => {
    for (const name of ['set/roses/a b.png', 'set/roses/c.png', 'set/tulips/d.png']) await put(name, 'x');
    await put('inside.txt', 'roses/a b.png 1\r\n\r\ntulips/d.png\t4\n');
    expect(await listImages(path.join(folder, 'set'), path.join(folder, 'inside.txt'))).toMatchObject({ paths: ['roses/a b.png', 'tulips/d.png'], labels: Int32Array.of(1, 4), classes: 5 });
    await put('beside.txt', 'set/tulips/d.png 0\nset/roses/c.png 1\nset/roses/a b.png 1\n');
    expect(await listImages(path.join(folder, 'set'), path.join(folder, 'beside.txt'))).toMatchObject({ root: folder, classes: 2, classNames: ['tulips', 'roses'] });
  });

  test.each([
    ['an empty folder', async () => {}, {}, /it holds no photos/],
    ['a folder of other files', async () => { await put('x/1.gif', 'x'); await put('data_batch_1.bin', 'x'); }, {}, /it holds other files: \.bin \(1\), \.gif \(1\)\n.*data\/cifar reads/],
    ['a folder that is not there', async () => {}, { path: '/nowhere/photos' }, /\/nowhere\/photos: there is no such folder/],
    ['photos beside classes', async () => { await put('1.png', 'x'); await put('a/1.png', 'x'); }, {}, /1 photos of its own \(1\.png\) beside sub-folders with photos \(a\)/],
    ['more classes than asked for', async () => { await put('a/1.png', 'x'); await put('b/1.png', 'x'); }, { classes: 1 }, /it has 2 sub-folders with photos; at most 1 classes are wanted/],
    ['a list with a label too many', async () => { await put('1.png', 'x'); await put('l.txt', '1.png 7'); }, { list: 'l.txt', classes: 5 }, /l\.txt: its largest label is 7; labels below 5 are wanted/],
    ['a list without labels', async () => { await put('1.png', 'x'); await put('l.txt', '1.png 0\n2.png'); }, { list: 'l.txt' }, /l\.txt:2: "2\.png" is no line "path label"/],
    ['a list with a negative label', async () => { await put('l.txt', '1.png -1'); }, { list: 'l.txt' }, /l\.txt:1: "1\.png -1" is no line/],
    ['a list of elsewhere', async () => { await put('l.txt', 'far/1.png 0'); }, { list: 'l.txt' }, /its first image, far\/1\.png, is neither in/],
    ['a list that is not there', async () => {}, { list: 'l.txt' }, /there is no such list file/],
  ])('%s is refused when the graph is composed', async (_, make, config, says) => {
    await make();
    const { list, ...more } = config as { list?: string };
    expect((await failure(dims({ path: folder, ...more, ...(list && { list: path.join(folder, list) }) }) as Promise<unknown>)).message).toMatch(says);
  });

  test('sizes are known when the graph is composed', async () => {
    await put('a/1.png', 'x');
    await put('b/1.png', 'x');
    expect(await dims({ path: folder, batch: 3, resolution: 16, channels: 1 })).toEqual({ B: 3, C: 1, R: 16, L: 2 });
  });
});

describe('photos', () => {
  test('of every kind become RGB: grey, palettes, 16 bits, CMYK; what is transparent lies on white', async () => {
    const [r, g, b] = [200, 100, 40], colour = plain([r, g, b]);
    await put('0.png', await colour.clone().png().toBuffer());
    await put('1.webp', await colour.clone().webp({ lossless: true }).toBuffer());
    await put('2.png', await colour.clone().png({ palette: true }).toBuffer());
    await put('3.png', await sharp(new Uint16Array(12 * 8 * 3).map((_, i) => 257 * [r, g, b][i % 3]!), { raw: { width: 12, height: 8, channels: 3 } }).toColourspace('rgb16').png().toBuffer());
    await put('4.png', await sharp({ create: { width: 12, height: 8, channels: 4, background: { r, g, b, alpha: 0.2 } } }).png().toBuffer());
    await put('5.png', await plain([90, 90, 90]).toColourspace('b-w').png().toBuffer());
    await put('6.jpg', await colour.clone().toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer());
    const { bytes, dataset } = await open({ resolution: 1 });
    expect(dataset.size).toBe(7);
    for (const i of [0, 1, 2, 3]) expect(await bytes(i)).toEqual([r, g, b]);
    (await bytes(4)).forEach((value, c) => { expect(Math.abs(value - (0.2 * [r, g, b][c]! + 0.8 * 255))).toBeLessThanOrEqual(1); });
    expect(await bytes(5)).toEqual([90, 90, 90]);
    // Through a profile of printing inks and back: near, not equal.
    (await bytes(6)).forEach((value, c) => { expect(Math.abs(value - [r, g, b][c]!)).toBeLessThan(40); });
  });

  test('stand upright: EXIF orientation is applied', async () => {
    const halves = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#000000' } }).composite([{ input: await png([255, 255, 255], 8, 4), top: 0, left: 0 }]).png().toBuffer();
    // Orientation 6: the stored top is the right side.
    await put('1.jpg', await sharp(halves).withMetadata({ orientation: 6 }).jpeg({ quality: 100, chromaSubsampling: '4:4:4' }).toBuffer());
    const { bytes } = await open({ resolution: 2, channels: 1 });
    expect((await bytes(0)).map((value) => value > 128)).toEqual([false, true, false, true]);
  });

  test('are cut to the square of the short side, or squashed; grey is that of ITU-R 601; published rounding takes one from most dark levels', async () => {
    const strips = await sharp({ create: { width: 12, height: 4, channels: 3, background: '#ff0000' } }).composite([{ input: await png([0, 255, 0], 4, 4), top: 0, left: 4 }]).png().toBuffer();
    await put('1.png', strips);
    expect(await (await open({ resolution: 1 })).bytes(0)).toEqual([0, 255, 0]);
    const squashed = await (await open({ resolution: 3, crop: 'none', resampler: 'bilinear' })).bytes(0);
    expect(squashed.slice(9, 12).map((value) => value > 128)).toEqual([false, true, false]);
    expect(await (await open({ resolution: 1, channels: 1 })).bytes(0)).toEqual([150]);
    await put('1.png', await png([1, 20, 200]));
    expect(await (await open({ resolution: 1, rounding: 'truncate' })).bytes(0)).toEqual([0, 19, 200]);
  });

  // Made with Pillow 12.3.0: convert('RGB'), crop of the middle 250 x 250, resize((6, 6), BILINEAR), planes.
  const PILLOW = [65, 48, 31, 31, 28, 25, 87, 62, 31, 33, 33, 28, 73, 55, 36, 31, 33, 31, 67, 46, 44, 34, 33, 37, 60, 38, 38, 35, 37, 36, 34, 30, 32, 30, 31, 31, 60, 45, 37, 38, 31, 23, 79, 59, 36, 42, 44, 30, 68, 54, 40,
    35, 43, 37, 64, 46, 46, 37, 39, 50, 53, 37, 38, 43, 51, 52, 30, 28, 31, 30, 37, 38, 58, 45, 36, 36, 33, 29, 73, 55, 36, 37, 37, 32, 65, 57, 45, 36, 37, 34, 63, 53, 55, 42, 37, 40, 56, 44, 46, 40, 39, 39, 38, 36, 39, 33, 34, 34];
  whenShared('are decoded, cut and resized to the very bytes that published pipelines get', async () => {
    await cp(path.join(shared, 'data/photos/flowers_original_size/daisy/10172636503_21bededa75_n.jpg'), path.join(folder, '1.jpg'));
    expect(await (await open({ resolution: 6 })).bytes(0)).toEqual(PILLOW);
  });
});

whenShared('photos are prepared as the published code prepares them', async () => {
  const fixture = await readFixture(path.join(shared, 'fixtures/ic-gan'), 'units'), compare = comparison(fixture);
  await preparation.check(fixture, compare, undefined as never);
  expect(compare.groups().map(({ group, pass }) => [group, pass])).toEqual([
    ['preparation: centre crop and resize', true], ['preparation: stored bytes, truncated', true], ['preparation: what training reads of them', true], ['preparation: squashed', true]]);
});

describe('damaged photos', () => {
  async function some(): Promise<void> {
    for (let i = 0; i < 20; i++) await put(`${i % 2 ? 'odd' : 'even'}/${String(i).padStart(2, '0')}.png`, await png([10 * i, 0, 0]));
  }
  test('are named, counted and left out up to the stated share; labels and names stay with their images', async () => {
    await some();
    await put('even/04.png', (await png([1, 2, 3], 40, 40)).subarray(0, 90));
    await put('even/06.png', 'no photo at all');
    await put('odd/03.png', '');
    const { dataset, notes, bytes } = await open({ damaged: 0.2, resolution: 1 });
    expect(dataset.size).toBe(17);
    expect(notes.join('\n')).toMatch(/3 of 20 photos are damaged and left out \(15 %\): even\/04\.png: .*; even\/06\.png: it is no JPEG, PNG or WebP file: it starts with "no photo"; odd\/03\.png: it is empty/);
    for (let i = 0; i < 17; i++) {
      const name = dataset.nameOf!(i), number = Number(/(\d+)\.png/.exec(name)![1]);
      expect(dataset.classNames![dataset.labels[i]!]).toBe(number % 2 ? 'odd' : 'even');
      expect((await bytes(i))[0]).toBe(10 * number);
    }
    // From the cache, too.
    const again = await open({ damaged: 0.2, resolution: 1 });
    expect([again.dataset.key, again.dataset.size]).toEqual([dataset.key, 17]);
    expect(again.notes.join('\n')).toMatch(/3 of 20 photos are damaged[\s\S]*none of them decoded anew/);
  });

  test('are an error beyond it, with the first few and what to do', async () => {
    await some();
    await put('even/04.png', 'x');
    expect((await failure(open())).message).toMatch(/1 of 20 photos are damaged; 1 % of them may be\n {2}because even\/04\.png: .*\n {2}try removing them, or "damaged"/);
  });

  test('are not those that are missing', async () => {
    await some();
    await put('l.txt', 'even/00.png 0\neven/99.png 0\n');
    expect((await failure(open({ list: path.join(folder, 'l.txt') }))).message).toMatch(/1 of 2 photos are not there: even\/99\.png \(ENOENT\)/);
  });
});

describe('the cache', () => {
  /** Chunks hold 512 images: 1,100 photos are three. Photo i is i % 250 red and i / 250 green. */
  const COUNT = 1100;
  let photos: Buffer[];
  beforeAll(async () => { photos = await Promise.all(Array.from({ length: COUNT }, (_, i) => png([i % 250, Math.floor(i / 250), 0], 2, 2))); });
  const nameOf = (i: number) => `c/${String(i).padStart(4, '0')}.png`;
  const many = async (under = '') => { for (const [i, photo] of photos.entries()) await put(under + nameOf(i), photo); };
  /** Which photos images are of, by their colours. */
  const seen = async ({ bytes }: Awaited<ReturnType<typeof open>>, ...indices: number[]) => {
    const all = await bytes(...indices);
    return indices.map((_, i) => all[48 * i]! + 250 * all[48 * i + 16]!);
  };
  const everyone = Array.from({ length: COUNT }, (_, i) => i);
  const cached = async (ending: string) => {
    const [name] = await readdir(path.join(folder, '.cache/images'));
    return (await readdir(path.join(folder, '.cache/images', name!))).filter((file) => file.endsWith(ending)).map((file) => path.join(folder, '.cache/images', name!, file));
  };

  test('is decoded into once: a second start opens no photo, and a moved folder is recognised by its content', async () => {
    await many('set/');
    const first = await open({ path: path.join(folder, 'set') });
    expect(first.notes.join('\n')).toMatch(/decoding 1,100 photos to 4 x 4 \(centre crop, bilinear\): no photo was decoded this way before\n.*1,100 decoded in/);
    const second = await open({ path: path.join(folder, 'set') });
    expect(second.notes).toEqual([expect.stringMatching(/1,100 photos at 4 x 4 .*, none of them decoded anew$/)]);
    await rename(path.join(folder, 'set'), path.join(folder, 'moved'));
    const moved = await open({ path: path.join(folder, 'moved') });
    expect(moved.notes.at(-1)).toMatch(/none of them decoded anew; 1,100 recognised by their content$/);
    expect([second.dataset.key, moved.dataset.key]).toEqual([first.dataset.key, first.dataset.key]);
    expect(await seen(moved, ...everyone)).toEqual(everyone);
    expect(await cached('.images')).toHaveLength(3);
  });

  test('is decoded into again where a photo changed or a chunk is broken, and nowhere else', async () => {
    await many();
    const { dataset: { key } } = await open();
    await put(nameOf(600), await png([255, 250, 250]));
    const changed = await open();
    expect(changed.notes.at(-1)).toMatch(/; 512 decoded in/);
    expect(changed.dataset.key).not.toBe(key);
    expect((await changed.bytes(600))[0]).toBe(255);
    for (const chunk of await cached('.images')) await truncate(chunk, 1000);
    const mended = await open();
    expect(mended.notes.at(-1)).toMatch(/; 1,100 decoded in/);
    expect([mended.dataset.key, await seen(mended, 1099)]).toEqual([changed.dataset.key, [1099]]);
  });

  test('keeps whole chunks when decoding is stopped in the middle, and goes on after them', async () => {
    await many();
    const stop = new AbortController();
    const stopped = open({}, { signal: stop.signal, progress: (_what, done) => { if (done === 700) stop.abort(); } });
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
    expect([(await cached('.images')).length, (await cached('.partial')).length]).toEqual([1, 0]);
    const again = await open();
    expect(again.notes[0]).toMatch(/reading 588 of 1,100 photos: .* the others are decoded already/);
    expect(again.notes.at(-1)).toMatch(/; 588 decoded in/);
    expect(await seen(again, ...everyone)).toEqual(everyone);
  });

  test('need not fit in memory: images read by position are the same, in any order; several may start at once', async () => {
    await many();
    const [held, read, some] = await Promise.all([open(), open({ memory: 0 }), open({ memory: 0.025 })]);
    const order = [1099, 0, 10, 9, 9, 511, 512, 1023, 1024, 3, 4, 5];
    for (const one of [held!, read!, some!]) expect(await seen(one, ...order)).toEqual(order);
    await rm((await cached('.images'))[0]!);
    expect((await failure(read!.all())).message).toMatch(/decoded images are not there any more \(ENOENT\)/);
  });

  test('forgets what a killed start left half written, an hour later: before that, it may be another\'s', async () => {
    await put('1.png', photos[0]!);
    await open();
    const [chunk] = await cached('.images'), fresh = `${chunk}.0badcafe.partial`, old = `${chunk}.deadbeef.partial`;
    for (const file of [fresh, old]) await writeFile(file, 'half');
    await utimes(old, new Date(0), new Date(0));
    await put('2.png', photos[1]!);
    await open();
    expect(await cached('.partial')).toEqual([fresh]);
  });

  test('another preparation, other labels or another order is another data set', async () => {
    for (let i = 0; i < 6; i++) await put(nameOf(i), photos[i]!);
    await put('l.txt', [0, 1, 2, 3, 4, 5].map((i) => `${nameOf(i)} ${i % 2}`).join('\n'));
    await put('r.txt', [5, 4, 3, 2, 1, 0].map((i) => `${nameOf(i)} 0`).join('\n'));
    const keys = [];
    for (const config of [{}, { resolution: 5 }, { crop: 'none' }, { resampler: 'bicubic' }, { rounding: 'truncate' }, { channels: 1 }, { colour: 'stored' },
      { list: path.join(folder, 'l.txt') }, { list: path.join(folder, 'r.txt') }, {}]) keys.push((await open(config)).dataset.key);
    expect(new Set(keys).size).toBe(9);
    expect(keys[9]).toBe(keys[0]);
  });

  test('a file that can not be read is no damaged photo', async () => {
    await put('1.png', photos[0]!);
    await mkdir(path.join(folder, '2.png'));
    await put('l.txt', '1.png 0\n2.png 0\n');
    expect((await failure(open({ list: path.join(folder, 'l.txt') }))).message).toMatch(/2\.png: it can not be read \(EISDIR\)/);
  });
});

test('draws are read in batches from a folder as from any data set, without replacement', async () => {
  for (let i = 0; i < 12; i++) await put(`${i}.png`, await png([20 * i, 0, 0]));
  const { dataset } = await open({ resolution: 1, memory: 0 });
  const { image } = await (await rig(draw, { count: 12 })).step(0, { dataset });
  expect(numbers(image).filter((_, i) => i % 3 === 0).map((x) => Math.round((x + 1) * 127.5)).sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, i) => 20 * i));
});

whenShared('the long-tailed list of flowers has its published counts', async () => {
  const { labels, classNames } = await listImages(path.join(shared, 'data/photos/flowers'), path.join(shared, 'data/photos/flowers_lt.txt'));
  const counts = [0, 1, 2, 3, 4].map((label) => labels.filter((one) => one === label).length);
  expect({ counts, classNames }).toEqual({ counts: [640, 290, 128, 58, 26], classNames: ['dandelion', 'tulips', 'sunflowers', 'roses', 'daisy'] });
});
