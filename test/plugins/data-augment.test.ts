import { tensor } from '../../engine/spec/value.js';
import { augment } from '../../plugins/data/augment.js';
import { numbers, rig } from './rig.js';

const COUNT = 400, SHAPE = [COUNT, 2, 2, 3], EACH = 12;
const image = tensor('f32', SHAPE, Float32Array.from({ length: COUNT * EACH }, (_, i) => (i % EACH) / EACH));
const images = (values: readonly number[]) => Array.from({ length: COUNT }, (_, i) => values.slice(i * EACH, (i + 1) * EACH));
const float = (values: readonly number[]) => Array.from(Float32Array.from(values));

test('flips about half of the images, each row by itself, and others in the next wave', async () => {
  const node = await rig(augment, {}), plain = float(Array.from({ length: EACH }, (_, i) => i / EACH)), flipped = [2, 1, 0, 5, 4, 3, 8, 7, 6, 11, 10, 9].map((i) => plain[i]!);
  const isFlipped = async (wave: number) => images(numbers((await node.step(wave, { image })).image)).map((values) => {
    expect([plain, flipped]).toContainEqual(values);
    return values[0] === flipped[0];
  });
  const first = await isFlipped(0);
  expect(Math.abs(first.filter(Boolean).length - COUNT / 2)).toBeLessThan(50);
  expect(await isFlipped(1)).not.toEqual(first);
  expect(await isFlipped(0)).toEqual(first);
});

test('noise is uniform from 0 on, and comes after the flip', async () => {
  const before = numbers((await (await rig(augment, {})).step(0, { image })).image), after = numbers((await (await rig(augment, { noise: 0.5 })).step(0, { image })).image);
  const noise = after.map((v, i) => v - before[i]!);
  expect(Math.min(...noise)).toBeGreaterThan(-1e-6);
  expect(Math.max(...noise)).toBeLessThan(0.5 + 1e-6);
  expect(noise.reduce((a, b) => a + b) / noise.length).toBeCloseTo(0.25, 1);
  const variance = noise.reduce((a, b) => a + (b - 0.25) ** 2, 0) / noise.length;
  expect(variance).toBeCloseTo(0.25 / 12, 2);
});

test('does nothing that it is not asked for, and leaves what it was given', async () => {
  const given = Array.from(image.data as Float32Array);
  expect(numbers((await (await rig(augment, { flip: false })).step(0, { image })).image)).toEqual(given);
  await (await rig(augment, { noise: 1 })).step(0, { image });
  expect(Array.from(image.data as Float32Array)).toEqual(given);
});
