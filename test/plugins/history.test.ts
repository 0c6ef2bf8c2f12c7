/** @file What becomes of clusters: sizes at every clustering, who moved, and that a history goes on from its state. */
import { keyedRandom } from '../../engine/session/keyed-random.js';
import type { HeatMap } from '../../engine/spec/picture.js';
import { int64 } from '../../engine/spec/value.js';
import { arrivals, history, historyPicture } from '../../plugins/clusterers/history.js';
import { numbers, rig } from './rig.js';

test('arrivals are shares of what a cluster has now; an empty cluster has none', () => {
  // 0 keeps its two; 1 keeps one and gets one from 2; 2 gets one from 0 and keeps none; 3 is empty.
  expect(Array.from(arrivals(Int32Array.of(0, 0, 1, 1, 2), Int32Array.of(0, 0, 1, 2, 0), 4))).toEqual([0, 0.5, 1, 0]);
});

test('sizes over clusterings, the largest of now first, and the share of the images that moved', async () => {
  const node = await rig(history, {}, { sizes: { K: 3 } });
  const first = await node.step(0, { label: int64([0, 0, 1, 2]) });
  expect(Object.keys(first)).toEqual(['picture']);
  const { picture, moved } = await node.step(10, { label: int64([0, 1, 1, 1]) }) as { picture: HeatMap; moved: never };
  expect(numbers(moved)).toEqual([0, expect.closeTo(2 / 3, 6), 0]);
  expect(picture).toMatchObject({ kind: 'heat', rows: ['1', '0', '2'], waves: [0, 10] });
  expect(Array.from(picture.values)).toEqual([1, 3, 2, 1, 1, 0]);
  expect(Array.from(picture.line!.values)).toEqual([Number.NaN, 0.5]);
  await expect(node.step(20, { label: int64([0, 1]) })).rejects.toThrow('it has 2 labels, and had 4; those of the same sample are wanted each time');
});

const seed = 31;
test(`a history goes on from a saved state as if it had never stopped (seed ${seed})`, async () => {
  const labels = (wave: number) => int64(keyedRandom(seed, 'test', wave, 'labels').integers(60, 7)), sizes = { K: 7 };
  const whole = await rig(history, {}, { sizes }), parts = await rig(history, {}, { sizes });
  for (const wave of [0, 1, 2]) { await whole.step(wave, { label: labels(wave) }); await parts.step(wave, { label: labels(wave) }); }
  const resumed = await rig(history, {}, { sizes });
  resumed.state = structuredClone(parts.state);
  expect(await resumed.step(3, { label: labels(3) })).toEqual(await whole.step(3, { label: labels(3) }));
  expect(resumed.state).toEqual(whole.state);
  expect(resumed.state.moved).toHaveLength(3);
});

test('shades are multiples of the even share', () => {
  const picture = historyPicture('t', { waves: [0], sizes: [Int32Array.of(30, 10)], moved: [] }) as HeatMap;
  expect(picture.levels).toEqual([2.5, 5, 10, 15, 20, expect.closeTo(80 / 3, 9), 40, 80, 160]);
});
