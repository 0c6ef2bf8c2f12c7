/** @file The node that says when: it ticks in every so-manieth wave, and what hangs on it happens then. */
import { z } from 'zod';
import { defineNode } from '../../engine/index.js';

const config = z.strictObject({
  waves: z.int().positive().describe('Ticks once in this many waves.'),
  at: z.enum(['start', 'end']).default('start').describe('In the first of them (waves 0, n, 2n, …) or in the last (n-1, 2n-1, …).'),
  first: z.boolean().optional().describe('Whether it ticks in wave 0; by default it does at the start, not at the end.'),
  from: z.int().nonnegative().default(0).describe('Before this wave it does not tick.'),
  until: z.int().nonnegative().optional().describe('From this wave on it ticks no more.'),
});
type Config = z.infer<typeof config>;

/** Whether a wave has a tick. */
const ticks = ({ waves, at, first, from, until = Number.POSITIVE_INFINITY }: Config, wave: number): boolean => {
  if (wave < from || wave >= until) return false;
  if (wave === 0 && first !== undefined) return first;
  return (at === 'start' ? wave : wave + 1) % waves === 0;
};

export const every = defineNode({
  name: 'cadence/every',
  about: 'Ticks in every n-th wave.',
  config,
  inputs: { 'tick?': '@any' },
  outputs: { now: '@tick' },
  cadence: ({ waves, at, first, from, until }) => {
    const more = [at === 'end' && 'at the end', first !== undefined && `first ${first}`, from > 0 && `from ${from}`, until !== undefined && `until ${until}`].filter(Boolean);
    return `every ${waves} waves${more.length ? ` (${more.join(', ')})` : ''}`;
  },
  start: (given) => ({
    state: null,
    step: (state, _inputs, { wave }) => ({ state, outputs: ticks(given, wave) ? { now: { wave } } : {} }),
  }),
});
