/** @file What is made of images one by one: draws, one an image, and positions along an axis. */
import { cast, iota, reshape } from '../tensor/ops/index.js';
import type { Tensor } from '../tensor/tensor.js';

/** A draw for each image, by name. */
export type Draws = (name: string) => Tensor;

export const size = (image: Tensor, axis: number): number => image.dims[axis] as number;
/** One number an image, to broadcast over it; images have this rank. */
export const each = (u: Tensor, rank = 4): Tensor => reshape(u, [u.dims[0]!, ...Array<number>(rank - 1).fill(1)]);
/** 0 to count - 1 as reals, of these sizes. */
export const positions = (count: number, dims: readonly number[]): Tensor => reshape(cast(iota(count), 'f32'), dims);
