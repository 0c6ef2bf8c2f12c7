/** @file Schedules: the factor at chosen waves. */
import { factorAt, scheduleConfig } from '../../engine/training/schedule.js';

test.each<[string, object, Readonly<Record<number, number>>]>([
  ['constant', { type: 'constant' }, { 0: 1, 1e6: 1 }],
  ['linear', { type: 'linear', waves: 100 }, { 0: 1, 25: 0.75, 99: 0.01, 100: 0, 200: 0 }],
  ['linear to a floor', { type: 'linear', waves: 100, floor: 0.2 }, { 0: 1, 50: 0.6, 100: 0.2, 200: 0.2 }],
  ['linear from a wave on', { type: 'linear', waves: 100, from: 60 }, { 0: 1, 60: 1, 80: 0.5, 100: 0 }],
  ['cosine', { type: 'cosine', waves: 100 }, { 0: 1, 25: (1 + Math.SQRT1_2) / 2, 50: 0.5, 100: 0, 150: 0 }],
  ['cosine from a wave on, to a floor', { type: 'cosine', waves: 100, from: 50, floor: 0.5 }, { 50: 1, 75: 0.75, 100: 0.5 }],
  ['warm-up', { type: 'linear', waves: 1000, from: 1000, warmup: 4 }, { 0: 0.25, 1: 0.5, 3: 1, 4: 1 }],
  ['warm-up while it falls already', { type: 'linear', waves: 10, warmup: 4 }, { 0: 0.25, 1: 0.45, 5: 0.5 }],
])('%s', (_, raw, factors) => {
  const schedule = scheduleConfig.parse(raw);
  for (const [wave, factor] of Object.entries(factors)) expect(factorAt(schedule, Number(wave))).toBeCloseTo(factor, 12);
});
