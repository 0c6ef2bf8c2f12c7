/** @file Schedules: a factor for the learning rate (or another knob) as a function of the wave. Their length stands in the graph file, never in `--waves`. */
import { z } from 'zod';

const waves = z.number().int().positive();
const ramp = { warmup: z.number().int().min(0).default(0).describe('waves over which the factor rises from 0'), floor: z.number().min(0).max(1).default(0).describe('the factor at the end') };

export const scheduleConfig = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('constant') }),
  z.strictObject({ type: z.literal('linear'), waves: waves.describe('the wave at which the floor is reached'), from: z.number().int().min(0).default(0).describe('constant until this wave'), ...ramp }),
  z.strictObject({ type: z.literal('cosine'), waves: waves.describe('the wave at which the floor is reached'), from: z.number().int().min(0).default(0).describe('constant until this wave'), ...ramp }),
]);
export type Schedule = z.infer<typeof scheduleConfig>;

/** The factor at a wave, between `floor` and 1. Cosine: Loshchilov and Hutter (2017), one period. */
export function factorAt(schedule: Schedule, wave: number): number {
  if (schedule.type === 'constant') return 1;
  const { waves: until, from, warmup, floor } = schedule;
  const rise = warmup > 0 ? Math.min(1, (wave + 1) / warmup) : 1;
  const done = Math.min(1, Math.max(0, (wave - from) / Math.max(1, until - from)));
  const fall = schedule.type === 'linear' ? 1 - done : (1 + Math.cos(Math.PI * done)) / 2;
  return rise * (floor + (1 - floor) * fall);
}
