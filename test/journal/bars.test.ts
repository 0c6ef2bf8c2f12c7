/** @file Bars: their heights are in proportion, groups stand apart and have names where there is room, and what has no bar has none. */
import { drawBars } from '../../engine/journal/bars.js';
import { encodePicture } from '../../engine/journal/picture.js';
import type { Bars } from '../../engine/spec/picture.js';

const picture: Bars = { kind: 'bars', title: 'errors <by cluster>', groups: ['0', '17'], series: [{ name: 'ours', values: [1, 2] }, { name: 'GAN', values: [4, Number.NaN] }] };
const bars = (svg: string) => [...svg.matchAll(/M(\S+) 240V(\S+)h8V240z/g)].map(([, left, top]) => [Number(left), 240 - Number(top)] as const);

test('bars stand on one line, as high as their values, side by side in a group', async () => {
  const { ending, bytes } = await encodePicture(picture), svg = Buffer.from(bytes).toString(), drawn = bars(svg);
  expect([ending, /<title>(.*?)<\/title>/.exec(svg)![1]]).toEqual(['svg', 'errors &lt;by cluster&gt;']);
  // The first series' two, then the one finite value of the second.
  expect(drawn.map(([left]) => left)).toEqual([4, 30, 13]);
  const [one, two, four] = drawn.map(([, height]) => height) as [number, number, number];
  expect(two / one).toBeCloseTo(2, 1);
  expect(four / one).toBeCloseTo(4, 1);
  expect(four).toBeLessThan(240);
  for (const text of ['ours', 'GAN', '0', '17', '4']) expect(svg).toContain(`>${text}</text>`);
});

test('of many groups with long names only some are named; none at all draws nothing', () => {
  const groups = Array.from({ length: 60 }, (_, i) => `cluster-${i}`), svg = drawBars({ kind: 'bars', title: 't', groups, series: [{ name: 's', values: groups.map(() => 1) }] });
  expect(bars(svg)).toHaveLength(60);
  expect([...svg.matchAll(/>cluster-\d+</g)].length).toBeLessThan(20);
  expect(bars(drawBars({ kind: 'bars', title: 't', groups: [], series: [{ name: 's', values: [] }] }))).toEqual([]);
});

test('values that do not go with the groups, and values below 0, are refused', () => {
  expect(() => drawBars({ ...picture, groups: ['0'] })).toThrow('ours has 2 values; there are 1 groups');
  expect(() => drawBars({ ...picture, series: [{ name: 'ours', values: [1, -1] }] })).toThrow(RangeError);
});
