import { tensor } from '../../engine/spec/value.js';
import { constant, uniform } from '../../plugins/labels/labels.js';
import { numbers, rig } from './rig.js';

const like = tensor('f32', [600, 1, 1, 1], new Float32Array(600));

test('uniform labels are fresh in every wave and cover 0..k-1', async () => {
  const node = await rig(uniform, { k: 6 });
  const first = numbers((await node.step(0, { like })).label), second = numbers((await node.step(1, { like })).label);
  expect(first).not.toEqual(second);
  for (let k = 0; k < 6; k++) expect(Math.abs(first.filter((c) => c === k).length - 100)).toBeLessThan(45);
  expect(numbers((await node.step(0, { like })).label)).toEqual(first);
});

test('constant labels are all 0', async () => {
  expect(new Set(numbers((await (await rig(constant, {})).step(0, { like })).label))).toEqual(new Set([0]));
});
