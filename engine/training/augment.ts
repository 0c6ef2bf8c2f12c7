/**
 * @file Augmentation inside the training program, differentiable, with draws fed from outside (uniform in [0,1), one an image: `uniform(name)` of a trace).
 * DiffAugment is Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training" (2020), as IC-GAN's code has it (section 4 of its facts).
 */
import { add, and, cast, equal, floor, greaterEqual, less, matmul, mean, mul, not, reversed, sub, where } from '../tensor/ops/index.js';
import { within, type Tensor } from '../tensor/tensor.js';
import { each, positions, size, type Draws } from './per-image.js';

/** Integers 0..count-1 as reals, from uniform numbers. */
const integers = (u: Tensor, count: number) => floor(mul(u, count));

/** Each image mirrored left to right if its draw is below a half. f32[B,C,H,W] */
export function mirrored(image: Tensor, draw: Tensor): Tensor {
  return where(less(each(draw), 0.5), reversed(image, 3), image);
}

/** Rows (or columns) moved by whole pixels: 1 where output position p shows input position p + shift. f32[B,1,n,n] */
const moved = (n: number, shift: Tensor) => cast(equal(sub(positions(n, [1, 1, 1, n]), positions(n, [1, 1, n, 1])), each(shift)), 'f32');

/** Shifts of at most an eighth of each side (rounded), by rows and columns; what comes in is 0. */
export function translation(image: Tensor, draws: Draws): Tensor {
  const matrix = (axis: number) => {
    const n = size(image, axis), most = Math.floor(n / 8 + 0.5);
    return moved(n, sub(integers(draws(axis === 2 ? 'rows' : 'columns'), 2 * most + 1), most));
  };
  return matmul(matmul(matrix(2), image), matrix(3), { transposeB: true });
}

/** A square of half the side set to 0; its centre is uniform over the image, its parts beyond the border are cut off. */
export function cutout(image: Tensor, draws: Draws): Tensor {
  const inside = (axis: number) => {
    const n = size(image, axis), side = Math.floor(n / 2 + 0.5);
    const from = sub(integers(draws(axis === 2 ? 'rows' : 'columns'), n + 1 - (side % 2)), Math.floor(side / 2));
    const at = positions(n, axis === 2 ? [1, 1, n, 1] : [1, 1, 1, n]);
    return and(greaterEqual(at, each(from)), less(at, add(each(from), side)));
  };
  return mul(image, cast(not(and(inside(2), inside(3))), 'f32'));
}

/** Brightness by -0.5 to 0.5, saturation about the channels' mean by a factor of 0 to 2, contrast about the image's mean by 0.5 to 1.5, in this order. */
export function colour(image: Tensor, draws: Draws): Tensor {
  const about = (x: Tensor, axes: readonly number[], factor: Tensor) => {
    const middle = mean(x, axes, true);
    return add(mul(sub(x, middle), each(factor)), middle);
  };
  const bright = add(image, sub(each(draws('brightness')), 0.5));
  return about(about(bright, [1], mul(draws('saturation'), 2)), [1, 2, 3], add(draws('contrast'), 0.5));
}

export const augmentationPolicies = ['colour', 'translation', 'cutout'] as const;
export type AugmentationPolicy = (typeof augmentationPolicies)[number];
const POLICIES: Readonly<Record<AugmentationPolicy, (image: Tensor, draws: Draws) => Tensor>> = { colour, translation, cutout };

/** The policies one after the other, each with draws of its own (`<policy> <draw>`). */
export const augmented = (image: Tensor, policies: readonly AugmentationPolicy[], draws: Draws): Tensor =>
  policies.reduce((x, policy) => within(policy, () => POLICIES[policy](x, (name) => draws(`${policy} ${name}`))), image);
