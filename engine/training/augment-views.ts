/**
 * @file Random views of images for contrastive learning, inside the training program, with draws fed from outside (uniform in [0,1), one an image, by name).
 * The views are SimCLR's (Chen et al., 2020) with SCAN's strengths (section 2.2 of PGMGAN's facts), and the hole that SCAN's strong views have besides.
 */
import { z } from 'zod';
import {
  abs, add, and, cast, clip, constant, cos, div, exp, floor, gather, greaterEqual, less, log, matmul, maximum, mean, minimum, mul, not, relu, sin,
  sqrt, sub, sum, where,
} from '../tensor/ops/index.js';
import { RuleError, within, type Tensor } from '../tensor/tensor.js';
import { mirrored } from './augment.js';
import { each, positions, size, type Draws } from './per-image.js';

const share = z.number().min(0).max(1), positive = z.number().positive();
const range = (low: number, high: number, bound: z.ZodType<number>) => z.tuple([bound, bound]).default([low, high]);

/** What a view may do to an image, each of which `false` (or a probability or a share of 0) turns off: stacked digits, for one, lose their labels to grey, hue and flips. */
export const viewConfig = z.strictObject({
  crop: z.union([z.literal(false), z.strictObject({
    scale: range(0.2, 1, positive.max(1)).describe('share of the area that a crop covers, from and to'),
    ratio: range(3 / 4, 4 / 3, positive).describe('width over height of a crop, from and to'),
  })]).prefault({}).describe('a random part of the image, resized to the whole'),
  flip: z.boolean().default(true).describe('left to right, every other time'),
  colour: z.union([z.literal(false), z.strictObject({
    probability: share.default(0.8), brightness: share.default(0.4), contrast: share.default(0.4), saturation: share.default(0.4),
    hue: share.max(0.5).default(0.1).describe('greatest turn, 1 being the whole circle'),
  })]).prefault({}).describe('brightness, contrast and saturation by factors within 1 ± these, and hue'),
  grey: share.default(0.2).describe('probability that colours are lost'),
  cutout: share.default(0).describe('greatest side of a square hole, as a share of the image\'s'),
});
export type ViewConfig = z.infer<typeof viewConfig>;

type Settings<K extends 'crop' | 'colour'> = Exclude<ViewConfig[K], false>;

const between = (u: Tensor, low: Tensor | number, high: Tensor | number) => add(mul(u, sub(high, low)), low);

/** Rows (or columns) of bilinear weights, f32[B,1,n,n]: output pixels lie evenly over `extent` from `start`, shares of the side. Beyond the border is the border. */
function sampled(n: number, start: Tensor, extent: Tensor, order = positions(n, [1, 1, n, 1])): Tensor {
  const at = add(mul(add(order, 0.5), each(extent)), sub(mul(each(start), n), 0.5));
  return relu(sub(1, abs(sub(clip(at, 0, n - 1), positions(n, [1, 1, 1, n])))));
}

/**
 * A part of each image as the whole of it. Its area is uniform in `scale`, the logarithm of its ratio uniform among those in `ratio` that fit (libraries draw again
 * until one fits), its place uniform. Flips cost nothing: columns are sampled from right to left. f32[B,C,H,W]
 */
function cropped(image: Tensor, { scale, ratio }: Settings<'crop'>, flip: boolean, draws: Draws): Tensor {
  const [h, w] = [size(image, 2), size(image, 3)], shape = Math.log(w / h);
  const area = between(draws('crop area'), ...scale), logs = log(area);
  const low = maximum(add(logs, shape), Math.log(ratio[0])), high = minimum(sub(shape, logs), Math.log(ratio[1]));
  // Sides as shares of the image's; where it is so far from square that no ratio fits, they are cut to it.
  const wide = exp(mul(sub(between(draws('crop ratio'), low, high), shape), 0.5)), side = sqrt(area);
  const height = minimum(div(side, wide), 1), width = minimum(mul(side, wide), 1);
  const top = mul(draws('crop row'), sub(1, height)), left = mul(draws('crop column'), sub(1, width));
  const order = positions(w, [1, 1, w, 1]);
  const columns = flip ? where(less(each(draws('flip')), 0.5), sub(w - 1, order), order) : order;
  return matmul(matmul(sampled(h, top, height), image), sampled(w, left, width, columns), { transposeB: true });
}

/** Brightness of each pixel by the weights of ITU-R BT.601, f32[B,1,H,W] from f32[B,3,H,W]. */
const luma = (image: Tensor) => sum(mul(image, constant([0.299, 0.587, 0.114], 'f32', [1, 3, 1, 1])), 1, true);

/**
 * Colours turned about the grey axis of the RGB cube, by `turn` of a circle. It stands in for a turn of the hue in HSV, which is no linear map: both leave greys as
 * they are, and both take red to green to blue at each third.
 */
function turned(image: Tensor, turn: Tensor): Tensor {
  const angle = mul(each(turn), 2 * Math.PI), even = mul(sub(1, cos(angle)), 1 / 3), odd = mul(sin(angle), 1 / Math.sqrt(3));
  const from = (channels: readonly number[], weight: Tensor) => mul(gather(image, constant(channels, 'i64'), 1), weight);
  return add(add(mul(image, sub(1, mul(even, 2))), from([1, 2, 0], sub(even, odd))), from([2, 0, 1], add(even, odd)));
}

/** Images in [0,1] with other colours. Libraries shuffle the four changes; here they come in this order. */
function distorted(image: Tensor, { probability, brightness, contrast, saturation, hue }: Settings<'colour'>, draws: Draws): Tensor {
  if (!probability) return image;
  const inColour = size(image, 1) === 3, lightness = inColour ? luma : (x: Tensor) => x;
  const factor = (name: string, strength: number) => each(between(draws(`colour ${name}`), 1 - strength, 1 + strength));
  const about = (x: Tensor, middle: Tensor, by: Tensor) => clip(add(mul(sub(x, middle), by), middle), 0, 1);
  let x = image;
  if (brightness) x = clip(mul(x, factor('brightness', brightness)), 0, 1);
  if (contrast) x = about(x, mean(lightness(x), [1, 2, 3], true), factor('contrast', contrast));
  if (saturation && inColour) x = about(x, luma(x), factor('saturation', saturation));
  if (hue && inColour) x = clip(turned(x, between(draws('colour hue'), -hue, hue)), 0, 1);
  return x === image ? image : where(less(each(draws('colour')), probability), x, image);
}

/** A square of up to `most` of the image's side set to 0, its centre uniform over the image; what lies beyond the border is cut off. f32[B,C,H,W] in [-1,1] */
function holed(image: Tensor, most: number, draws: Draws): Tensor {
  const [h, w] = [size(image, 2), size(image, 3)], sides = Math.max(1, Math.round(most * Math.min(h, w)));
  const side = add(floor(mul(draws('cutout side'), sides)), 1);
  const inside = (name: string, n: number, dims: readonly number[]) => {
    const from = sub(floor(mul(draws(name), n)), floor(mul(side, 0.5))), at = positions(n, dims);
    return and(greaterEqual(at, each(from)), less(at, each(add(from, side))));
  };
  return mul(image, cast(not(and(inside('cutout row', h, [1, 1, h, 1]), inside('cutout column', w, [1, 1, 1, w]))), 'f32'));
}

/** A random view of each image, f32[B,C,H,W] in [-1,1] with 1 or 3 channels. What is off draws nothing; with all off it is the image itself. */
export function viewOf(image: Tensor, { crop, flip, colour, grey, cutout }: ViewConfig, draws: Draws): Tensor {
  const channels = size(image, 1), inColour = channels === 3;
  if (image.rank !== 4 || (!inColour && channels !== 1)) throw new RuleError(`views are of images with 1 or 3 channels, not of ${image}`);
  let x = image;
  if (crop) x = within('crop', () => cropped(x, crop, flip, draws));
  else if (flip) x = mirrored(x, draws('flip'));
  const unit = clip(mul(add(x, 1), 0.5), 0, 1);
  let painted = colour ? within('colour', () => distorted(unit, colour, draws)) : unit;
  if (grey && inColour) painted = where(less(each(draws('grey')), grey), luma(painted), painted);
  if (painted !== unit) x = sub(mul(painted, 2), 1);
  return cutout ? within('cutout', () => holed(x, cutout, draws)) : x;
}
