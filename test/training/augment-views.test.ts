/** @file Random views against loops over pixels, with seeded draws: crops with flips, colours, grey, holes; and that what is off does nothing. */
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { evaluate } from '../../engine/tensor/evaluate.js';
import { input } from '../../engine/tensor/ops/index.js';
import { RuleError, type Tensor } from '../../engine/tensor/tensor.js';
import { viewConfig, viewOf } from '../../engine/training/augment-views.js';

const seed = 31, [B, H, W] = [6, 8, 10];
const OFF = { crop: false, flip: false, colour: false, grey: 0, cutout: 0 } as const;
const uniform = (name: string, count: number) => Array.from(keyedRandom(seed, 'views', 0, name).uniform(count));

/** A view with these settings on, the draws it took, and the pixels of its input by image, channel, row and column. */
function view(on: object, channels = 3, [h, w] = [H, W]) {
  const pixels = uniform('image', B * channels * h * w).map((v) => 2 * v - 1), draws: Record<string, number[]> = {};
  const image = input('image', { dtype: 'f32', dims: [B, channels, h, w] });
  const draw = (name: string): Tensor => { draws[name] = uniform(name, B); return input(name, { dtype: 'f32', dims: [B] }); };
  const out = viewOf(image, viewConfig.parse({ ...OFF, ...on }), draw);
  const feeds = { image: { dims: [B, channels, h, w], data: pixels }, ...Object.fromEntries(Object.entries(draws).map(([name, data]) => [name, { dims: [B], data }])) };
  const at = (b: number, c: number, y: number, x: number) => pixels[((b * channels + c) * h + y) * w + x]!;
  const expected = (f: (b: number, c: number, y: number, x: number) => number) =>
    Array.from({ length: pixels.length }, (_, i) => f(Math.floor(i / w / h / channels), Math.floor(i / w / h) % channels, Math.floor(i / w) % h, i % w));
  return { image, out, draws, at, expected, values: () => Array.from(evaluate([out], feeds)[0]!.data) };
}
const expectEqual = (got: readonly number[], wanted: readonly number[]) => {
  expect(got.length).toBe(wanted.length);
  got.forEach((v, i) => { expect(v).toBeCloseTo(wanted[i]!, 9); });
};
const clamp = (v: number, low = 0, high = 1) => Math.min(high, Math.max(low, v));

test('with everything off, the view is the image, and nothing is drawn', () => {
  const { image, out, draws } = view({});
  expect(out).toBe(image);
  expect(draws).toEqual({});
  const never = view({ colour: { probability: 0 } });
  expect([never.out === never.image, never.draws]).toEqual([true, {}]);
});

test('by default a view is cropped, flipped, distorted and sometimes grey, and has no hole', () => {
  const { crop, flip, colour, grey, cutout } = viewConfig.parse({});
  expect({ crop, flip, colour, grey, cutout }).toEqual({
    crop: { scale: [0.2, 1], ratio: [3 / 4, 4 / 3] }, flip: true, grey: 0.2, cutout: 0,
    colour: { probability: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 },
  });
  expect(Object.keys(view(viewConfig.parse({})).draws)).toEqual([
    'crop area', 'crop ratio', 'crop row', 'crop column', 'flip', 'colour brightness', 'colour contrast', 'colour saturation', 'colour hue', 'colour', 'grey',
  ]);
});

/** The rectangle of an image that a crop takes, in pixels, computed the plain way. */
function rectangle(draws: Record<string, number[]>, b: number, h: number, w: number, scale: readonly [number, number], ratio: readonly [number, number]) {
  const [area, u, row, column] = ['area', 'ratio', 'row', 'column'].map((name) => draws[`crop ${name}`]![b]!) as [number, number, number, number];
  const share = scale[0] + area * (scale[1] - scale[0]), pixels = share * w * h;
  // A crop of this area and of ratio r is sqrt(area r) wide and sqrt(area / r) high.
  const low = Math.max(ratio[0], pixels / h ** 2), high = Math.min(ratio[1], w ** 2 / pixels), r = low ** (1 - u) * high ** u;
  const [width, height] = [Math.sqrt(pixels * r), Math.sqrt(pixels / r)];
  return { width, height, top: row * (h - height), left: column * (w - width), r, share };
}
/** Between the four pixels around a point, whose centres are at halves; beyond the border is the border. */
function bilinear(pixel: (y: number, x: number) => number, y: number, x: number, h: number, w: number): number {
  const [v, u] = [clamp(y - 0.5, 0, h - 1), clamp(x - 0.5, 0, w - 1)], [i, j] = [Math.floor(v), Math.floor(u)], [p, q] = [v - i, u - j];
  const [below, right] = [Math.min(i + 1, h - 1), Math.min(j + 1, w - 1)];
  return (1 - p) * ((1 - q) * pixel(i, j) + q * pixel(i, right)) + p * ((1 - q) * pixel(below, j) + q * pixel(below, right));
}

test.each([[8, 10, true], [9, 9, false], [9, 9, true]])(`a crop of %d x %d with flip %s is its rectangle, sampled between pixels (seed ${seed})`, (h, w, flip) => {
  const { draws, at, expected, values } = view({ crop: { scale: [0.2, 1], ratio: [0.75, 4 / 3] }, flip }, 3, [h, w]), got = values();
  const crops = Array.from({ length: B }, (_, b) => rectangle(draws, b, h, w, [0.2, 1], [0.75, 4 / 3]));
  for (const { width, height, r, share } of crops) {
    expect(width <= w + 1e-9 && height <= h + 1e-9 && r >= 0.75 - 1e-9 && r <= 4 / 3 + 1e-9).toBe(true);
    expect(width * height / (w * h)).toBeCloseTo(share, 12);
  }
  expectEqual(got, expected((b, c, y, x) => {
    const { top, left, width, height } = crops[b]!, column = flip && draws.flip![b]! < 0.5 ? w - 1 - x : x;
    return bilinear((i, j) => at(b, c, i, j), top + (y + 0.5) * height / h, left + (column + 0.5) * width / w, h, w);
  }));
  if (flip) expect(new Set(draws.flip!.map((u) => u < 0.5)).size).toBe(2);
});

test(`a crop of the whole is the image (seed ${seed})`, () => {
  const { at, expected, values } = view({ crop: { scale: [1, 1], ratio: [0.75, 4 / 3] } }, 1, [9, 9]);
  expectEqual(values(), expected(at));
});

test(`a flip without a crop mirrors the images whose draw is below a half (seed ${seed})`, () => {
  const { draws, at, expected, values } = view({ flip: true });
  expectEqual(values(), expected((b, c, y, x) => at(b, c, y, draws.flip![b]! < 0.5 ? W - 1 - x : x)));
});

const WEIGHTS = [0.299, 0.587, 0.114];
const luma = (rgb: readonly number[]) => rgb.reduce((total, v, c) => total + v * WEIGHTS[c]!, 0);
/** Rodrigues's formula about (1,1,1)/sqrt 3. */
function turned([r, g, b]: readonly number[], angle: number): number[] {
  const axis = 1 / Math.sqrt(3), along = axis * (r! + g! + b!) * axis, [c, s] = [Math.cos(angle), Math.sin(angle)];
  const cross = [axis * (b! - g!), axis * (r! - b!), axis * (g! - r!)];
  return [r!, g!, b!].map((v, i) => v * c + cross[i]! * s + along * (1 - c));
}

test(`colours: brightness, contrast, saturation and hue in this order, clamped, for the images that are drawn (seed ${seed})`, () => {
  const strengths = { probability: 0.6, brightness: 0.5, contrast: 0.4, saturation: 0.3, hue: 0.2 };
  const { draws, at, expected, values } = view({ colour: strengths });
  const pixelsOf = (b: number) => Array.from({ length: H * W }, (_, i) => [0, 1, 2].map((c) => (at(b, c, Math.floor(i / W), i % W) + 1) / 2));
  const painted = Array.from({ length: B }, (_, b) => {
    if (draws.colour![b]! >= strengths.probability) return pixelsOf(b);
    const factor = (name: 'brightness' | 'contrast' | 'saturation') => 1 + (2 * draws[`colour ${name}`]![b]! - 1) * strengths[name];
    const bright = pixelsOf(b).map((rgb) => rgb.map((v) => clamp(v * factor('brightness'))));
    const middle = bright.reduce((total, rgb) => total + luma(rgb), 0) / bright.length;
    const contrasted = bright.map((rgb) => rgb.map((v) => clamp((v - middle) * factor('contrast') + middle)));
    const saturated = contrasted.map((rgb) => rgb.map((v) => clamp((v - luma(rgb)) * factor('saturation') + luma(rgb))));
    return saturated.map((rgb) => turned(rgb, 2 * Math.PI * (2 * draws['colour hue']![b]! - 1) * strengths.hue).map((v) => clamp(v)));
  });
  expectEqual(values(), expected((b, c, y, x) => 2 * painted[b]![y * W + x]![c]! - 1));
  expect(new Set(draws.colour!.map((u) => u < 0.6)).size).toBe(2);
});

test('a turn by a third takes red to green, green to blue and blue to red', () => {
  const image = input('image', { dtype: 'f32', dims: [1, 3, 1, 3] }), hue = input('hue', { dtype: 'f32', dims: [1] });
  const settings = viewConfig.parse({ ...OFF, colour: { probability: 1, brightness: 0, contrast: 0, saturation: 0, hue: 0.5 } });
  const out = viewOf(image, settings, () => hue), pure = [1, -1, -1, -1, 1, -1, -1, -1, 1];
  // A third of a circle is at 5/6 between -1/2 and 1/2. (The same draw decides that colours change: any is below 1.)
  const got = Array.from(evaluate([out], { image: { dims: [1, 3, 1, 3], data: pure }, hue: { dims: [1], data: [5 / 6] } })[0]!.data);
  expectEqual(got, [-1, -1, 1, 1, -1, -1, -1, 1, -1]);
});

test(`grey images have three equal channels (seed ${seed})`, () => {
  const { draws, at, expected, values } = view({ grey: 0.5 });
  expectEqual(values(), expected((b, c, y, x) => (draws.grey![b]! < 0.5 ? luma([0, 1, 2].map((k) => at(b, k, y, x))) : at(b, c, y, x))));
  expect(new Set(draws.grey!.map((u) => u < 0.5)).size).toBe(2);
});

test(`a hole is a square of at most its share of the side, cut off at the border (seed ${seed})`, () => {
  const { draws, at, expected, values } = view({ cutout: 0.5 });
  const side = (b: number) => 1 + Math.floor(draws['cutout side']![b]! * 4);
  const inside = (b: number, name: string, n: number, p: number) => {
    const from = Math.floor(draws[`cutout ${name}`]![b]! * n) - Math.floor(side(b) / 2);
    return p >= from && p < from + side(b);
  };
  const got = values();
  expectEqual(got, expected((b, c, y, x) => (inside(b, 'row', H, y) && inside(b, 'column', W, x) ? 0 : at(b, c, y, x))));
  expect(Math.max(...Array.from({ length: B }, (_, b) => side(b)))).toBeLessThanOrEqual(4);
  for (let b = 0; b < B; b++) expect(got.slice(b * 3 * H * W, (b + 1) * 3 * H * W)).toContain(0);
});

test(`images of one channel change in brightness and contrast alone; of two, there are no views (seed ${seed})`, () => {
  const { draws, at, expected, values } = view({ colour: { probability: 1 }, grey: 1 }, 1);
  expect(Object.keys(draws)).toEqual(['colour brightness', 'colour contrast', 'colour']);
  const factor = (name: string, b: number) => 1 + (2 * draws[`colour ${name}`]![b]! - 1) * 0.4;
  const bright = expected((b, c, y, x) => clamp((at(b, c, y, x) + 1) / 2 * factor('brightness', b))), area = H * W;
  const middle = Array.from({ length: B }, (_, b) => bright.slice(b * area, (b + 1) * area).reduce((x, y) => x + y) / area);
  expectEqual(values(), bright.map((v, i) => { const b = Math.floor(i / area); return 2 * clamp((v - middle[b]!) * factor('contrast', b) + middle[b]!) - 1; }));
  expect(() => view({ grey: 1 }, 2)).toThrow(RuleError);
});

test('settings out of range are refused', () => {
  for (const wrong of [{ grey: 1.5 }, { crop: { scale: [0, 1] } }, { crop: { ratio: [-1, 1] } }, { colour: { hue: 0.7 } }, { cutout: -1 }, { gray: 0.1 }, { crop: true }]) {
    expect(viewConfig.safeParse(wrong).success).toBe(false);
  }
});
