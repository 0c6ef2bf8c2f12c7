/** @file Two steppers taking turns, A B A B, so that whatever else the machine does hits both. */
import { setTimeout as rest } from 'node:timers/promises';
import { forgetPeak, peakOf } from './memory.js';
import type { Stepper } from './stepper.js';

export interface Ratio {
  /** Milliseconds a step, medians over the rounds. */
  readonly ours: number;
  readonly peer: number;
  /** How many times faster ours is: the median of the rounds' ratios, and the smallest and largest of them. */
  readonly ratio: number;
  readonly spread: readonly [number, number];
  /** The most that either process held in its turns, in bytes: where there are two, and the system tells. */
  readonly memory: readonly [ours: number, peer: number] | undefined;
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b), middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

/** Between turns: thread pools keep spinning for a while after their last work, and must not do so in the other side's turn. */
const REST_MS = 300;

/** Compares over `rounds` turns of `steps` steps each. */
export async function interleave(ours: Stepper, peer: Stepper, steps: number, rounds: number): Promise<Ratio> {
  const a: number[] = [], b: number[] = [];
  for (const { pid } of [ours, peer]) forgetPeak(pid);
  for (let round = 0; round < rounds; round++) {
    for (const [side, times] of [[ours, a], [peer, b]] as const) {
      await rest(REST_MS);
      times.push((1000 * (await side.time(steps))) / steps);
    }
  }
  const [mine, theirs] = [peakOf(ours.pid), peakOf(peer.pid)];
  const ratios = a.map((ms, i) => b[i]! / ms);
  return { ours: median(a), peer: median(b), ratio: median(ratios), spread: [Math.min(...ratios), Math.max(...ratios)], memory: mine && theirs && ours.pid !== peer.pid ? [mine, theirs] : undefined };
}

/** The faster of several ways to run a stepper; the others are closed. */
export async function fastest(candidates: readonly (() => Promise<Stepper>)[], steps: number): Promise<Stepper> {
  let best: { stepper: Stepper; seconds: number } | undefined;
  for (const start of candidates) {
    const stepper = await start();
    await stepper.time(Math.ceil(steps / 2));
    const seconds = Math.min(await stepper.time(steps), await stepper.time(steps));
    if (best && best.seconds <= seconds) { await stepper.close(); continue; }
    await best?.stepper.close();
    best = { stepper, seconds };
  }
  return best!.stepper;
}
