/** @file From a decoded photo to a training image: crop, resize, the stored byte. */
import { setImmediate as pause } from 'node:timers/promises';
import { z } from 'zod';
import type { Colour, Photo } from './photo.js';
import { createResize, planar, RESAMPLERS, type Raster, type Resampler, type Size } from './resize.js';

/** What every loader of photos is told of their preparation. */
export const preparation = {
  resolution: z.int().min(1).default(64).describe('Rows and columns of an image.'),
  crop: z.enum(['centre', 'none']).default('centre').describe('"centre": the square of the short side; "none": the whole photo, squashed.'),
  resampler: z.enum(RESAMPLERS).default('bilinear').describe('Antialiased, rounded to 8 bits: what Pillow does under the same name.'),
  rounding: z.enum(['round', 'truncate']).default('round').describe('The stored byte: the resampled one, or as published HDF5 files have it, cut off after a way through float32, which lowers 63 of the 256 levels by one.'),
  colour: z.enum(['srgb', 'stored']).default('srgb').describe('"srgb": embedded colour profiles are applied; "stored": they are ignored, as published code does.'),
  channels: z.union([z.literal(1), z.literal(3)]).default(3).describe('3: red, green, blue; 1: grey (ITU-R 601).'),
};
export interface Preparation {
  readonly resolution: number;
  readonly crop: 'centre' | 'none';
  readonly resampler: Resampler;
  readonly rounding: 'round' | 'truncate';
  readonly colour: Colour;
  readonly channels: 1 | 3;
}

/** `64x64x3-centre-bilinear-round-srgb`: a folder's name. */
export const nameOfPreparation = ({ resolution, crop, resampler, rounding, colour, channels }: Preparation): string =>
  [`${resolution}x${resolution}x${channels}`, crop, resampler, rounding, colour].join('-');

/** To the nearest whole number, halves to the even one: Python's `round`, by which published crops are placed. */
const roundEven = (x: number): number => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));

/** The part of a photo that is used. */
function cropped({ width, height, raster }: Photo, crop: Preparation['crop']): Photo {
  if (crop === 'none') return { width, height, raster };
  const side = Math.min(width, height), left = roundEven((width - side) / 2), top = roundEven((height - side) / 2);
  return { width: side, height: side, raster: { ...raster, start: raster.start + top * raster.row + left * raster.column } };
}

/**
 * What the published HDF5 files store of a byte: v/255, normalised to [-1,1], back to 255 (x + 1) / 2 and cut off, all in float32.
 * Facts of the IC-GAN code, section 5.1.
 */
const TRUNCATED = Uint8Array.from({ length: 256 }, (_, v) => {
  const f = Math.fround, x = f(f(f(v / 255) - 0.5) / 0.5);
  return Math.trunc(f(255 * f(f(x + 1) / 2)));
});

/** One square image as planes, `channels` of `resolution` x `resolution` bytes from `at` on. Gives way to other work while a large photo shrinks. */
export async function prepare(photo: Photo, { resolution, crop, resampler, rounding, channels }: Preparation, out: Uint8Array, at: number): Promise<void> {
  const size: Size = { width: resolution, height: resolution }, area = resolution * resolution;
  const part = cropped(photo, crop), target: Raster = channels === 3 ? { ...planar(out, size), start: at } : planar(new Uint8Array(3 * area), size);
  for (const _ of createResize(part, size, 3, resampler)(part.raster, target)) await pause();
  if (channels === 1) grey(target.data, area, out, at);
  if (rounding === 'truncate') for (let i = at; i < at + channels * area; i++) out[i] = TRUNCATED[out[i]!]!;
}

/** Pillow's grey: 0.299, 0.587, 0.114 in 16-bit fixed point. */
function grey(planes: Uint8Array, area: number, out: Uint8Array, at: number): void {
  for (let i = 0; i < area; i++) out[at + i] = (planes[i]! * 19595 + planes[area + i]! * 38470 + planes[2 * area + i]! * 7471 + 0x8000) >> 16;
}
