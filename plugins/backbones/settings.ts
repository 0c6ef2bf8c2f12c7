/** @file Settings and limits that backbones share. */
import { z } from 'zod';

/** A size: a whole number above 0. */
export const count = (fallback: number) => z.int().positive().default(fallback);

/** Why images [C,H,W] are not squares whose side is a multiple of `divisor`, if they are not. */
export const squares = (divisor: number) => ([, height, width]: readonly number[]) =>
  (height === width && height! >= divisor && height! % divisor === 0 ? undefined : `it wants square images whose side is a multiple of ${divisor}`);
