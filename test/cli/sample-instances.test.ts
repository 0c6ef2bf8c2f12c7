/** @file `gantry sample RUN --instances …` from the outside: a class-conditional IC-GAN on drawn squares, trained for two waves by the command line; the pixels of its sheets, what samples.json says, and refusals. */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { load } from '../../engine/dataflow/load.js';
import { PACKAGE } from '../../engine/registry/paths.js';
import { tensor } from '../../engine/spec/value.js';
import { encode } from '../../engine/tensor/onnx/encode.js';
import { input, matmul, reshape } from '../../engine/tensor/ops/index.js';
import { drawSquares, small, type Squares } from '../graphs/squares.js';
import { createFolder, type Folder } from './fixture.js';

const seed = 47, SIDE = 32;
let squares: Squares, folder: Folder;
beforeAll(async () => {
  squares = drawSquares(seed);
  folder = createFolder();
  folder.write('squares.json', small(await load(join(PACKAGE, 'graphs/ic-gan/flowers-32-classes.json')), squares));
  const { code, err } = await folder.gantry('run', 'squares.json', '--waves', '2', '--seed', String(seed), '--out', 'run', '--threads', '1', '--json');
  if (code !== 0) throw new Error(`gantry run ended with ${code}: ${err}`);
}, 120_000);
afterAll(() => {
  folder.remove();
  squares.remove();
});

interface Entry { readonly file: string; readonly instance: string; readonly seed: number; readonly class: number; readonly distance?: number; readonly nearest?: readonly { readonly name: string }[] }

interface Cell { readonly file: string; readonly row: number; readonly column: number; readonly class: number }

/** Samples into a folder of that name, which succeeds; what samples.json says of them. */
async function sampled<T = Entry>(out: string, ...options: string[]): Promise<readonly T[]> {
  expect(await folder.gantry('sample', 'run', ...options, '--threads', '1', '--out', out)).toMatchObject({ code: 0 });
  return JSON.parse(readFileSync(join(folder.path, out, 'samples.json'), 'utf8')) as T[];
}

/** The pixels of a picture's square whose upper left corner is there; counted from the right edge where `left` is negative. */
function square(file: string, left: number, top: number): number[] {
  const { width, channels, data } = decode(readFileSync(file)), from = left < 0 ? width + left : left;
  expect(channels).toBe(3);
  return Array.from({ length: SIDE }, (_, y) => Array.from(data.slice(((top + y) * width + from) * 3, ((top + y) * width + from + SIDE) * 3))).flat();
}
const picture = (...path: string[]) => square(join(folder.path, ...path), 0, 0);

/** Gutters are two pixels wide. */
const GUTTER = 2, NEXT = SIDE + GUTTER;

test(`a sheet has instances in the first column and their samples to the right, the noise of a seed the same for all (seed ${seed})`, async () => {
  const entries = await sampled('plain', '--instances', '3,17', '--seeds', '1,2', '--count', '1');
  expect(entries.map(({ instance, seed: noise, class: label }) => [instance, noise, label])).toEqual([
    ['class-0/3.png', 1, 0], ['class-0/3.png', 2, 0], ['class-2/1.png', 1, 2], ['class-2/1.png', 2, 2],
  ]);
  const sheet = join(folder.path, 'plain/contact-sheet.png');
  for (const [row, name] of ['class-0/3.png', 'class-2/1.png'].entries()) {
    expect(square(sheet, GUTTER, GUTTER + row * NEXT)).toEqual(square(join(squares.photos, name), 0, 0));
    expect(square(sheet, -NEXT, GUTTER + row * NEXT)).toEqual(picture('plain', entries[2 * row + 1]!.file));
  }
  const pictures = entries.map(({ file }) => JSON.stringify(picture('plain', file)));
  expect(new Set(pictures).size).toBe(4);
  // Again, without the other instance and the other seed.
  const [alone] = await sampled('alone', '--instances', '17', '--seeds', '2', '--count', '1');
  expect(picture('alone', alone!.file)).toEqual(picture('plain', entries[3]!.file));
}, 120_000);

test(`classes are swapped under an instance, and instances under a class (seed ${seed})`, async () => {
  const swapped = await sampled('classes', '--instances', '17', '--classes', 'all', '--count', '1');
  expect(swapped.map(({ instance, class: label }) => [instance, label])).toEqual([0, 1, 2, 3, 4].map((label) => ['class-2/1.png', label]));
  const under = await sampled('instances', '--instances', '3,17,30', '--classes', '4', '--count', '1');
  expect(under.map(({ instance, class: label }) => [instance, label])).toEqual([['class-0/3.png', 4], ['class-2/1.png', 4], ['class-3/6.png', 4]]);
  // One instance, class and noise is in both.
  expect(picture('classes', swapped[4]!.file)).toEqual(picture('instances', under[1]!.file));
  expect(picture('classes', swapped[0]!.file)).not.toEqual(picture('classes', swapped[4]!.file));
}, 120_000);

test(`photos of another folder are instances as the data's own are (seed ${seed})`, async () => {
  mkdirSync(join(folder.path, 'photos'));
  cpSync(join(squares.photos, 'class-2/1.png'), join(folder.path, 'photos/mine.png'));
  const [theirs] = await sampled('transfer', '--instances', 'photos', '--classes', '2', '--count', '1'), [own] = await sampled('own', '--instances', '17', '--count', '1');
  expect(theirs).toMatchObject({ instance: 'mine.png', class: 2 });
  expect(picture('transfer', theirs!.file)).toEqual(picture('own', own!.file));
}, 120_000);

test(`candidates are kept nearest first, and every sample has its nearest training images beside it (seed ${seed})`, async () => {
  const best = await sampled('best', '--instances', '3', '--count', '2', '--candidates', '4', '--nearest', '3'), all = await sampled('all', '--instances', '3', '--count', '8');
  const [first, second] = best;
  expect(first!.distance!).toBeLessThanOrEqual(second!.distance!);
  const among = all.map(({ file }) => JSON.stringify(picture('all', file)));
  for (const { file } of best) expect(among).toContain(JSON.stringify(picture('best', file)));
  for (const [row, { file, nearest }] of best.entries()) {
    expect(new Set(nearest!.map(({ name }) => name)).size).toBe(3);
    const sheet = join(folder.path, 'best/nearest.png');
    expect(square(sheet, GUTTER, GUTTER + row * NEXT)).toEqual(picture('best', file));
    expect(square(sheet, -NEXT, GUTTER + row * NEXT)).toEqual(square(join(squares.photos, nearest![2]!.name), 0, 0));
  }
}, 120_000);

test(`a path has the samples of its ends in its corners (seed ${seed})`, async () => {
  const cells = await sampled<Cell>('path', '--instances', '3,17', '--seeds', '1,2', '--interpolate');
  const ends = await sampled('ends', '--instances', '3,17', '--seeds', '1,2', '--count', '1'), sheet = join(folder.path, 'path/interpolation.png'), { height } = decode(readFileSync(sheet));
  const bottom = height - NEXT, left = -8 * NEXT;
  const corners = [[left, GUTTER], [-NEXT, GUTTER], [left, bottom], [-NEXT, bottom]] as const;
  for (const [i, [x, y]] of corners.entries()) {
    const there = square(sheet, x, y), end = picture('ends', ends[i]!.file);
    // A vector divided by its length once more, in float32.
    expect(Math.max(...there.map((v, p) => Math.abs(v - end[p]!)))).toBeLessThanOrEqual(1);
  }
  expect(square(sheet, left + 3 * NEXT, GUTTER)).not.toEqual(square(sheet, left, GUTTER));
  expect(cells).toHaveLength(64);
  for (const { file, row, column } of cells) expect(square(sheet, left + column * NEXT, GUTTER + row * NEXT)).toEqual(picture('path', file));
  // Three rows below the first, five columns after it: in the upper half, of the first instance's class.
  expect(cells[3 * 8 + 5]).toEqual({
    file: 'sample-29.png', row: 3, column: 5, class: 0, instances: [{ instance: 'class-0/3.png', weight: 4 / 7 }, { instance: 'class-2/1.png', weight: 3 / 7 }],
    seeds: [{ seed: 1, weight: 2 / 7 }, { seed: 2, weight: 5 / 7 }],
  });
  expect(cells.map((cell) => cell.class)).toEqual([...Array(32).fill(0), ...Array(32).fill(2)]);
  expect(cells[63]).toMatchObject({ instances: [{ weight: 0 }, { weight: 1 }], seeds: [{ weight: 0 }, { weight: 1 }] });
}, 120_000);

/** A run whose generator takes latents alone, as far as sampling looks at it. */
async function plainRun(): Promise<void> {
  mkdirSync(join(folder.path, 'plain-run'));
  folder.write('plain-run/graph.json', small(await load(join(PACKAGE, 'graphs/ic-gan/flowers-32-unconditional.json')), squares));
  const width = 3 * SIDE * SIDE, z = input('z', { dtype: 'f32', dims: ['N', 2] }), weight = input('weight', { dtype: 'f32', dims: [2, width] });
  const networks = { backbone: 'none', config: {}, image: [3, SIDE, SIDE], condition: { labels: 0, width: 0 }, latent: 2 };
  writeFileSync(join(folder.path, 'plain-run/generator.onnx'), encode({
    name: 'generator', inputs: { z }, state: { weight: { value: weight, next: weight } }, outputs: { image: reshape(matmul(z, weight), ['N', 3, SIDE, SIDE]) },
  }, { constants: { weight: tensor('f32', [2, width], new Float32Array(2 * width)) }, metadata: { gantry: JSON.stringify(networks) } }));
}

test(`mistakes end with code 2, name their option and leave no sheet (seed ${seed})`, async () => {
  await plainRun();
  mkdirSync(join(folder.path, 'nothing'));
  const cases: readonly (readonly [says: RegExp, ...args: string[]])[] = [
    [/--instances: there is no instance 40; .* has 0 to 39/, 'run', '--instances', '3,40'],
    [/--instances: there is no folder nowhere/, 'run', '--instances', 'nowhere'],
    [/nothing: it holds no photos/, 'run', '--instances', 'nothing'],
    [/--classes: .*\b5\b.* 0 to 4/, 'run', '--instances', '3', '--classes', '1,5'],
    [/--interpolate: it wants two instances; there are 3/, 'run', '--instances', '3,4,5', '--seeds', '1,2', '--interpolate'],
    [/--interpolate: it wants two seeds; there are 1/, 'run', '--instances', '3,4', '--interpolate'],
    [/--truncation/, 'run', '--instances', '3', '--truncation', '0'],
    [/--seeds/, 'run', '--instances', '3', '--seeds', '1,x'],
    [/--instances: the generator of plain-run is conditioned on nothing/, 'plain-run', '--instances', '3'],
  ];
  for (const [says, ...args] of cases) expect(await folder.gantry('sample', ...args, '--threads', '1', '--out', 'refused')).toMatchObject({ code: 2, err: expect.stringMatching(says) });
  expect(readdirSync(folder.path).includes('refused') ? readdirSync(join(folder.path, 'refused')) : []).toEqual([]);
}, 120_000);
