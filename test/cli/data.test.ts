/** gantry data check: what it finds in a folder, for people and for machines. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { createFolder, type Folder } from './fixture.js';

let folder: Folder;
beforeAll(async () => {
  folder = createFolder();
  for (const name of ['roses', 'tulips', 'empty', 'nothing']) mkdirSync(join(folder.path, 'photos', name), { recursive: true });
  const put = (name: string, bytes: Buffer | string) => writeFileSync(join(folder.path, 'photos', name), bytes);
  const stripes = (n: number, width: number, height: number) => sharp(Buffer.from(Array.from({ length: 3 * width * height }, (_, i) => (255 * (Math.floor((8 * (Math.floor(i / 3) % width)) / width) * n % 5)) / 4)), { raw: { width, height, channels: 3 } });
  const one = await stripes(1, 64, 48).png().toBuffer(), two = await stripes(2, 200, 100).jpeg().toBuffer();
  put('roses/a.png', one);
  put('tulips/copy.png', one);
  put('roses/b.jpg', two);
  put('roses/smaller.webp', await stripes(2, 120, 60).webp({ quality: 90 }).toBuffer());
  put('tulips/grey.png', await stripes(3, 40, 300).toColourspace('b-w').png().toBuffer());
  put('tulips/half.jpg', two.subarray(0, two.length / 2));
  put('tulips/none.jpg', '');
  put('roses/notes.txt', 'x');
});
afterAll(() => folder.remove());

test('machines get everything', async () => {
  const { code, events, err } = await folder.gantry('data', 'check', 'photos', '--json');
  expect({ code, err }).toMatchObject({ code: 0 });
  expect(events.at(-1)).toMatchObject({
    type: 'data', photos: 7, classes: [{ label: 0, name: 'roses', photos: 3 }, { label: 1, name: 'tulips', photos: 4 }],
    formats: { png: 3, jpeg: 1, webp: 1 }, peculiar: { grey: 1 }, sizes: { width: { min: 40, median: 64, max: 200 }, short: { min: 40, median: 48, max: 100 } },
    equal: [['roses/a.png', 'tulips/copy.png']], alike: [['roses/b.jpg', 'roses/smaller.webp']],
    damaged: [{ path: 'tulips/half.jpg' }, { path: 'tulips/none.jpg', why: 'it is empty' }], others: { '.txt': 1 },
    node: { type: 'data/image-folder', config: { path: 'photos', damaged: 0.29 } },
  });
  expect((events.at(-1) as unknown as { below: object[] }).below.slice(0, 3)).toEqual([{ resolution: 32, photos: 0 }, { resolution: 64, photos: 4 }, { resolution: 128, photos: 5 }]);
});

test('people get a page, with what a graph would do', async () => {
  const { code, out } = await folder.gantry('data', 'check', 'photos');
  expect(code).toBe(0);
  expect(out).toMatch(/^photos: 7 photos, 2 classes\nclasses {3}0 roses {3}3 {2}#{30}\n {10}1 tulips {2}4 {2}#{40}\n {10}the largest has 1\.3 times/);
  for (const line of [/1 group of the same file\n +roses\/a\.png = tulips\/copy\.png/, /damaged {3}2 photos\n +tulips\/half\.jpg: .*\n +tulips\/none\.jpg: it is empty/, /it refuses 29 % of damaged photos/,
    /1 group of equal files lies in more than one class/, /sub-folders without photos are no classes: empty, nothing/, /\.txt 1: not read/]) expect(out).toMatch(line);
});

test('a list chooses; a folder without photos, or none at all, is an error', async () => {
  folder.write('photos/list.txt', 'roses/a.png 2\nroses/b.jpg 0\n');
  const [listed, empty, none] = await Promise.all([
    folder.gantry('data', 'check', 'photos', '--list', 'photos/list.txt', '--json'), folder.gantry('data', 'check', 'photos/empty'), folder.gantry('data', 'check'),
  ]);
  expect(listed.events.at(-1)).toMatchObject({ photos: 2, classes: [{ photos: 1 }, { photos: 0 }, { photos: 1 }], advice: expect.arrayContaining(['labels without a photo: 1']) as unknown });
  expect(empty).toMatchObject({ code: 2, err: expect.stringMatching(/InputError: photos\/empty: it holds no photos/) as unknown });
  expect(none).toMatchObject({ code: 2, err: expect.stringContaining("missing required argument 'folder'") as unknown });
});

test('a graph over a folder without photos does not compose', async () => {
  folder.write('empty.json', { gantry: 1, nodes: { data: { type: 'data/image-folder', config: { path: 'photos/empty' } } } });
  const { code, err } = await folder.gantry('check', 'empty.json');
  expect({ code, err }).toMatchObject({ code: 2, err: expect.stringMatching(/GraphError: empty\.json has 1 issue\n {2}nodes\.data\.config: .*photos\/empty: it holds no photos/) as unknown });
});
