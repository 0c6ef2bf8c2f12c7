/** @file Errors against tolerances: the rules of the fixtures' README, written once. */
import type { Fixture, Group } from './fixture.js';

/** How far a difference may go. */
export type Tolerance = (key: string) => number;

/** Collects comparisons by group, and which arrays of the fixture were used. */
export interface Comparison {
  /** Compares numbers with the fixture's array at `key`. */
  array(group: string, key: string, ours: ArrayLike<number | bigint>, tolerance: Tolerance): void;
  scalar(group: string, expected: number, ours: number, tolerance: number): void;
  /** Equal to the last element. */
  exact(group: string, expected: ArrayLike<number | bigint>, ours: ArrayLike<number | bigint>): void;
  /** A difference and what it may be, computed by the caller. */
  ratio(group: string, difference: number, tolerance: number): void;
  groups(): Group[];
}

export function comparison({ arrays }: Fixture): Comparison {
  const worst = new Map<string, { difference: number; tolerance: number }>();
  const ratio = (group: string, difference: number, tolerance: number) => {
    const before = worst.get(group);
    // NaN is worse than anything.
    const excess = (d: number, t: number) => (Number.isNaN(d) ? Number.POSITIVE_INFINITY : t === 0 ? (d === 0 ? 0 : Number.POSITIVE_INFINITY) : d / t);
    if (!before || excess(difference, tolerance) > excess(before.difference, before.tolerance)) worst.set(group, { difference, tolerance });
  };
  const sameLength = (group: string, expected: ArrayLike<unknown>, ours: ArrayLike<unknown>) => {
    if (expected.length === ours.length) return true;
    ratio(group, Number.POSITIVE_INFINITY, 0);
    return false;
  };
  return {
    ratio,
    array(group, key, ours, tolerance) {
      const expected = arrays.get(key)?.data;
      if (!expected) throw new Error(`the fixture has no ${key}`);
      if (!sameLength(group, expected, ours)) return;
      const allowed = tolerance(key);
      for (let i = 0; i < ours.length; i++) ratio(group, Math.abs(Number(ours[i]) - Number(expected[i])), allowed);
    },
    scalar: (group, expected, ours, tolerance) => ratio(group, Math.abs(ours - expected), tolerance),
    exact(group, expected, ours) {
      if (!sameLength(group, expected, ours)) return;
      let different = 0;
      for (let i = 0; i < ours.length; i++) if (Number(expected[i]) !== Number(ours[i])) different++;
      ratio(group, different, 0);
    },
    groups: () => [...worst].map(([group, { difference, tolerance }]) => ({ group, worst: difference, tolerance, pass: difference <= tolerance })),
  };
}

/** Outputs and losses: 1e-5 + 1e-4 of the largest; gradients: 1e-5 + 1e-3 of it; never tighter than ten times what float32 itself differs by. */
export function tolerances({ manifest }: Fixture): { output: Tolerance; gradient: Tolerance } {
  const entries = new Map(manifest.tensors.map((tensor) => [tensor.key, tensor]));
  const of = (share: number): Tolerance => (key) => {
    const { max_abs: largest = 0, f32_run_max_abs_diff: float32 = 0 } = entries.get(key) ?? {};
    return Math.max(1e-5 + share * largest, 10 * float32);
  };
  return { output: of(1e-4), gradient: of(1e-3) };
}
/**
 * Tolerances of the IC-GAN fixtures, relative to a tensor's largest value: outputs 2e-5, gradients 2e-4 (1e-5 absolute where the largest is below 1e-6:
 * the true gradient is zero), buffers of norms 1e-5.
 */
export function relativeTolerances({ arrays }: Fixture): { output: Tolerance; gradient: Tolerance; buffer: Tolerance } {
  const largest = (key: string) => {
    let most = 0;
    for (const value of arrays.get(key)?.data ?? []) most = Math.max(most, Math.abs(Number(value)));
    return most;
  };
  return {
    output: (key) => 2e-5 * largest(key),
    gradient: (key) => { const most = largest(key); return most < 1e-6 ? 1e-5 : 2e-4 * most; },
    buffer: (key) => 1e-5 * largest(key),
  };
}

/** The tolerance of a scalar: an output's. */
export const scalarTolerance = (expected: number): number => 1e-5 + 1e-4 * Math.abs(expected);
