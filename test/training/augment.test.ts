/** @file Augmentations against loops over pixels, and that gradients flow back along the same paths. */
import { evaluate } from '../../engine/tensor/evaluate.js';
import { grad } from '../../engine/tensor/grad.js';
import { input, mul, sum } from '../../engine/tensor/ops/index.js';
import type { Tensor } from '../../engine/tensor/tensor.js';
import { augmented, mirrored } from '../../engine/training/augment.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';

const seed = 8, [B, C, H, W] = [3, 2, 9, 12];
const random = (name: string) => keyedRandom(seed, 'augment', 0, name);
const pixels = random('image').normal(B * C * H * W), cotangent = random('cotangent').normal(pixels.length);
const image = input('image', { dtype: 'f32', dims: [B, C, H, W] });
const draws: Record<string, readonly number[]> = {};
const draw = (name: string): Tensor => {
  draws[name] ??= Array.from(random(name).uniform(B));
  return input(name, { dtype: 'f32', dims: [B] });
};
const feeds = () => ({ image: { dims: [B, C, H, W], data: pixels }, ...Object.fromEntries(Object.entries(draws).map(([name, data]) => [name, { dims: [B], data }])) });
const values = (t: Tensor, more = {}) => Array.from(evaluate([t], { ...feeds(), ...more })[0]!.data);

/** What `at` says of every pixel. */
const expected = (at: (b: number, c: number, y: number, x: number, pixel: (c: number, y: number, x: number) => number) => number) =>
  Array.from({ length: pixels.length }, (_, i) => {
    const x = i % W, y = Math.floor(i / W) % H, c = Math.floor(i / W / H) % C, b = Math.floor(i / W / H / C);
    return at(b, c, y, x, (c, y, x) => (y < 0 || y >= H || x < 0 || x >= W ? 0 : pixels[((b * C + c) * H + y) * W + x]!));
  });
const expectEqual = (got: readonly number[], wanted: readonly number[]) => got.forEach((v, i) => { expect(v).toBeCloseTo(wanted[i]!, 10); });

test(`mirrors the images whose draw is below a half (seed ${seed})`, () => {
  const t = mirrored(image, draw('mirror')), u = [0.2, 0.7, 0.49];
  const got = values(t, { mirror: { dims: [B], data: u } });
  expectEqual(got, expected((b, c, y, x, pixel) => pixel(c, y, u[b]! < 0.5 ? W - 1 - x : x)));
});

test(`translation moves by whole pixels, at most an eighth of the side, and fills with zeros (seed ${seed})`, () => {
  const t = augmented(image, ['translation'], draw);
  expectEqual(values(t), expected((b, c, y, x, pixel) => {
    const shift = (name: string, most: number) => Math.floor(draws[`translation ${name}`]![b]! * (2 * most + 1)) - most;
    return pixel(c, y + shift('rows', 1), x + shift('columns', 2));
  }));
});

test(`cutout blanks half the side, clipped at the border (seed ${seed})`, () => {
  const t = augmented(image, ['cutout'], draw);
  const got = values(t);
  expectEqual(got, expected((b, c, y, x, pixel) => {
    const from = (name: string, n: number, side: number) => Math.floor(draws[`cutout ${name}`]![b]! * (n + 1 - (side % 2))) - Math.floor(side / 2);
    const inside = (at: number, start: number, side: number) => at >= start && at < start + side;
    return inside(y, from('rows', H, 5), 5) && inside(x, from('columns', W, 6), 6) ? 0 : pixel(c, y, x);
  }));
  expect(got.filter((v) => v === 0).length).toBeGreaterThan(0);
});

test(`colour changes brightness, saturation and contrast (seed ${seed})`, () => {
  const t = augmented(image, ['colour'], draw), got = values(t);
  const [brightness, saturation, contrast] = ['brightness', 'saturation', 'contrast'].map((name) => draws[`colour ${name}`]!);
  const saturated = expected((b, c, y, x, pixel) => {
    const light = (channel: number) => pixel(channel, y, x) + brightness![b]! - 0.5, middle = (light(0) + light(1)) / 2;
    return (light(c) - middle) * saturation![b]! * 2 + middle;
  });
  const size = C * H * W, middles = Array.from({ length: B }, (_, b) => saturated.slice(b * size, (b + 1) * size).reduce((a, v) => a + v, 0) / size);
  expectEqual(got, saturated.map((v, i) => { const b = Math.floor(i / size); return (v - middles[b]!) * (contrast![b]! + 0.5) + middles[b]!; }));
});

test(`gradients take the way back: <dy, A dx> = <A' dy, dx> for the linear policies (seed ${seed})`, () => {
  const t = augmented(mirrored(image, draw('mirror')), ['translation', 'cutout'], draw), dy = input('dy', { dtype: 'f32', dims: [B, C, H, W] });
  const more = { dy: { dims: [B, C, H, W], data: cotangent } }, back = values(grad(sum(mul(t, dy)), [image])[0]!, more);
  const forth = values(t);
  const dot = (a: ArrayLike<number>, b: ArrayLike<number>) => Array.from(a).reduce((total, v, i) => total + v * b[i]!, 0);
  expect(dot(back, pixels)).toBeCloseTo(dot(forth, cotangent), 8);
});
