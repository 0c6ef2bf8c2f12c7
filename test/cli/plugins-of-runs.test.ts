/** @file A run whose graph names a plugin beside it, with an extractor of its own: opened by a program, sampled and judged from another working directory. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { load } from '../../engine/dataflow/load.js';
import { PACKAGE } from '../../engine/registry/paths.js';
import { drawSquares, small, type Squares } from '../graphs/squares.js';
import { createFolder, type Folder } from './fixture.js';

/** Vectors of six numbers: what the first pixel and the mean are in each channel. */
const PLUGIN = `
import { defineNode, definePlugin, tensor, transient } from 'gantry';
import { z } from 'zod';

const WIDTH = 6;
function tones({ dims: [count, channels, height, width], data }, scale) {
  const area = height * width, out = new Float32Array(count * WIDTH);
  for (let i = 0; i < count; i++) {
    const row = out.subarray(i * WIDTH, (i + 1) * WIDTH);
    for (let c = 0; c < channels; c++) {
      const plane = data.subarray((i * channels + c) * area, (i * channels + c + 1) * area);
      row[c] = plane[0] + 2;
      row[channels + c] = scale * plane.reduce((a, b) => a + b, 0) / area;
    }
    const length = Math.hypot(...row);
    for (let f = 0; f < WIDTH; f++) row[f] /= length;
  }
  return tensor('f32', [count, WIDTH], out);
}
const all = (size) => Int32Array.from({ length: size }, (_, i) => i);
async function featuresOf(dataset, scale) {
  const { data } = tones((await dataset.read(all(dataset.size))).image, scale);
  return {
    [transient]: true, key: 'tones of ' + dataset.key + scale, size: dataset.size, width: WIDTH, normalised: true, labels: dataset.labels, classes: dataset.classes, flips: false,
    read: (indices) => tensor('f32', [indices.length, WIDTH], Float32Array.from(Array.from(indices).flatMap((i) => [...data.subarray(i * WIDTH, (i + 1) * WIDTH)]))),
  };
}
const scale = z.number();
const node = defineNode({
  name: 'extractor/tones', about: 'Tones of a data set.', config: z.strictObject({ scale, remark: z.string() }),
  inputs: { dataset: { latest: '@dataset[L,C,R,R]' } }, outputs: { features: '@features[M,6]' },
  start({ scale }) {
    let last;
    return {
      state: {},
      async step(state, { dataset }) {
        if (dataset.key === last) return { state, outputs: {} };
        last = dataset.key;
        return { state, outputs: { features: await featuresOf(dataset, scale) } };
      },
    };
  },
});
const part = {
  name: 'tones', about: 'Tones.', config: z.strictObject({ scale }),
  open: async (_, { scale }) => ({ key: 'tones', name: 'tones', width: WIDTH, extract: async (image) => ({ feature: tones(image, scale) }), close: async () => {} }),
  features: (_, { scale }, dataset) => featuresOf(dataset, scale),
};
export default definePlugin({ name: 'tones', nodes: [node], components: [{ kind: 'extractor', name: 'tones', value: part }] });
`;

const seed = 53;
let squares: Squares, home: Folder, elsewhere: Folder, run: string;
beforeAll(async () => {
  squares = drawSquares(seed);
  [home, elsewhere] = [createFolder(), createFolder()];
  home.write('tones.mjs', PLUGIN);
  const { nodes: { data, neighbours, instances, train }, ...graph } = small(await load(join(PACKAGE, 'graphs/ic-gan/flowers-32.json')), squares);
  const features = { type: 'extractor/tones', config: { scale: 3, remark: 'threefold' }, in: { dataset: 'data.dataset' } };
  home.write('tones.json', { ...graph, gantry: 1, plugins: ['./tones.mjs'], nodes: { data, features, neighbours, instances: { ...instances, config: {} }, train } });
  run = join(home.path, 'run');
  const { code, err } = await home.gantry('run', 'tones.json', '--waves', '2', '--seed', String(seed), '--out', 'run', '--threads', '1', '--json');
  if (code !== 0) throw new Error(`gantry run ended with ${code}: ${err}`);
}, 120_000);
afterAll(() => {
  for (const one of [squares, home, elsewhere]) one?.remove();
});

/** Runs a program in the other folder, with the run opened; what it prints. */
async function program(body: string): Promise<unknown> {
  elsewhere.write('program.mjs', `
    import { openRun } from '${new URL('../../engine/index.js', import.meta.url).href}';
    const run = await openRun('${run}');
    ${body}
    await run.close();`);
  const { stdout } = await promisify(execFile)(process.execPath, ['program.mjs'], { cwd: elsewhere.path });
  return JSON.parse(stdout);
}

interface Entry { readonly instance: string; readonly seed: number; readonly distance?: number; readonly nearest?: readonly { readonly name: string; readonly cosine: number }[] }
async function sampled(out: string, ...options: string[]): Promise<readonly Entry[]> {
  expect(await elsewhere.gantry('sample', run, ...options, '--threads', '1', '--out', out)).toMatchObject({ code: 0 });
  return JSON.parse(readFileSync(join(elsewhere.path, out, 'samples.json'), 'utf8')) as Entry[];
}

test(`a program of three lines opens the run, and its plugin with it (seed ${seed})`, async () => {
  expect(await program('const { images, vector, instances } = await run.sample({ instances: [3, 17] });\nconsole.log(JSON.stringify([images.dims, vector.dims, instances.names]));')).toEqual([
    [2, 3, 32, 32], [2, 6], ['class-0/3.png', 'class-2/1.png'],
  ]);
}, 120_000);

test(`so do sampling and judging by the command line (seed ${seed})`, async () => {
  expect(await sampled('plain', '--instances', '3', '--count', '1')).toEqual([expect.objectContaining({ instance: 'class-0/3.png', seed: 0 })]);
  const judged = await elsewhere.gantry('evaluate', run, '--against', run, '--extractor', squares.model, '--metrics', 'frechet', '--count', '8', '--seeds', '1', '--threads', '1', '--json');
  expect(judged).toMatchObject({ code: 0, err: expect.not.stringContaining('warning') });
}, 120_000);

test(`candidates, nearest images and photos of a folder go through the plugin's extractor, by the settings that it has (seed ${seed})`, async () => {
  const [first, second] = await sampled('best', '--instances', '3', '--count', '2', '--candidates', '3', '--nearest', '2');
  expect(first!.distance!).toBeLessThanOrEqual(second!.distance!);
  expect(first!.nearest).toHaveLength(2);
  const [vectors, nearest] = await program(`
    const { vector: theirs } = await run.instances('${join(squares.photos, 'class-2')}'), own = await run.instances([16, 17, 18, 19, 20, 21, 22, 23]);
    const { names, cosine } = await run.nearest(own.image, 1);
    console.log(JSON.stringify([[Array.from(theirs.data), Array.from(own.vector.data)], [names.flat(), Array.from(cosine), own.names]]));`) as [[number[], number[]], [string[], number[], string[]]];
  expect(vectors[0]).toHaveLength(48);
  expect(vectors[0]).toEqual(vectors[1]);
  expect(nearest[0]).toEqual(nearest[2]);
  for (const cosine of nearest[1]) expect(cosine).toBeCloseTo(1, 5);
}, 120_000);

test('a node of features without an extractor of its name says what is missing', async () => {
  home.write('silent.mjs', PLUGIN.replace("name: 'tones', value: part", "name: 'other', value: part"));
  const path = join(home.path, 'run/graph.json'), graph = readFileSync(path, 'utf8');
  home.write('run/graph.json', graph.replace('tones.mjs', 'silent.mjs'));
  const refused = await elsewhere.gantry('sample', run, '--instances', '3', '--nearest', '1', '--threads', '1', '--out', 'refused');
  home.write('run/graph.json', graph);
  expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('its features come from "features", a node extractor/tones; new images want an extractor of that name') });
}, 120_000);
