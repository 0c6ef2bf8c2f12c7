/** @file Diversity sheets in a graph: the highest-scored images of each class, in order, with real ones below. */
import type { CheckContext } from '../../engine/dataflow/node.js';
import { highest } from '../../engine/spec/indices.js';
import type { ImageGrid } from '../../engine/spec/picture.js';
import { tensor } from '../../engine/spec/value.js';
import { diversity } from '../../plugins/metrics/diversity.js';
import { numbers, rig } from './rig.js';

/** Image i is one pixel of shade i / 10; scores f32[n,2]. */
const images = (n: number, from = 0) => tensor('f32', [n, 1, 1, 1], Float32Array.from({ length: n }, (_, i) => (from + i) / 10));
const scores = (pairs: readonly (readonly [number, number])[]) => tensor('f32', [pairs.length, 2], Float32Array.from(pairs.flat()));

test('the highest come first; of equal ones the first', () => {
  expect(highest([3, 9, 3, 1, 9], 3)).toEqual([1, 4, 0]);
  expect(highest([2], 5)).toEqual([0]);
});

test('a row a class, the real images of it below, and the scores beside', async () => {
  const node = await rig(diversity, { count: 3, classes: [1, 0] }), fake = { image: images(4), score: scores([[0.9, 0.1], [0.25, 0.75], [0.5, 0.5], [0, 1]]) };
  const real = { real: images(2, 5), realScore: scores([[0.25, 0.75], [1, 0]]) };
  const shown = async (inputs: object) => ((await node.step(0, { ...inputs })) as { picture: ImageGrid }).picture, tenths = (grid: ImageGrid) => numbers(grid.images).map((v) => Math.round(10 * v));
  const both = await shown({ ...fake, ...real });
  // Two real images are not three: a place stays empty, grey.
  expect(tenths(both)).toEqual([3, 1, 2, 5, 6, 0, 0, 2, 1, 6, 5, 0]);
  expect(both.columns).toBe(3);
  expect(both.captions).toEqual(['class 1\n1.000 to 0.500', 'real\n0.750 to 0.000', 'class 0\n0.900 to 0.250', 'real\n1.000 to 0.250']);
  expect(tenths(await shown(fake))).toEqual([3, 1, 2, 0, 2, 1]);
  expect((await ((await rig(diversity, {})).step(0, fake))).picture.images.dims).toEqual([2 * 20, 1, 1, 1]);
});

test('what does not go together is refused before anything runs', () => {
  const check = (config: object, ...wired: readonly string[]) => () => diversity.check!(diversity.config.parse(config), {
    node: 'sheet', wired: (port) => wired.includes(port), type: () => ({ dtype: 'f32', dims: ['N', 10] }),
  } satisfies CheckContext);
  expect(check({ classes: [9] }, 'real', 'realScore')).not.toThrow();
  expect(check({}, 'real')).toThrow('nodes.sheet.in.realScore: it is not wired, and real is');
  expect(check({}, 'realScore')).toThrow('nodes.sheet.in.real: it is not wired');
  expect(check({ classes: [10] })).toThrow('there is no class 10; the scores have 0 to 9');
});
