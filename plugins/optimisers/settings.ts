/** @file What the optimisers share: the ranges of their settings, and an exponential moving average. */
import { z } from 'zod';
import { add, mul, type Tensor } from '../../engine/index.js';

export const decay = z.number().min(0).lt(1);
export const rate = z.number().positive().describe('learning rate before the schedule');

/** kept * by + (1 - by) * value. */
export const movingAverage = (kept: Tensor, value: Tensor, by: number): Tensor => add(mul(kept, by), mul(value, 1 - by));
