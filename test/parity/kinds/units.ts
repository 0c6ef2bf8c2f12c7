/** @file Small cases of many parts in one fixture. A part is known by how its tensors' names begin, and has a module of its own under units/. */
import type { SessionHost } from '../../../engine/session/host.js';
import { comparison, type Comparison } from '../comparison.js';
import type { Fixture, Group, Kind, Unchecked } from '../fixture.js';
import { diffAugment } from './units/augmentation.js';
import { extractorInput, inceptionInput } from './units/extractor-input.js';
import { attention, conditionalNorm, spectral } from './units/layers.js';
import { longTail } from './units/long-tail.js';
import { metrics } from './units/metrics.js';
import { nearest } from './units/neighbours.js';
import { preparation } from './units/preparation.js';

/** Checks the tensors whose names begin with `prefix` (the longest that fits), and the scalars that belong to them. */
export interface UnitChecker {
  readonly prefix: string;
  check(fixture: Fixture, compare: Comparison, host: SessionHost): Promise<void> | void;
}

/** One line a part. */
const CHECKERS: readonly UnitChecker[] = [
  spectral, attention, conditionalNorm, diffAugment,
  extractorInput, inceptionInput, longTail, metrics, nearest, preparation,
];

/** Parts of the publications that this version does not have. They are named in the report, and neither pass nor fail. */
const ABSENT: readonly { readonly prefix: string; readonly what: string }[] = [
  { prefix: 'ada/', what: 'adaptive augmentation' },
  { prefix: 'fir/', what: 'FIR resampling' },
  { prefix: 'standing/', what: 'standing statistics' },
  { prefix: 'prep/biggan_post', what: "BigGAN's stretch of samples to bytes" },
  { prefix: 'prep/sg2', what: "StyleGAN2's conversion to bytes" },
];

const longest = <T extends { readonly prefix: string }>(parts: readonly T[], key: string): T | undefined =>
  parts.reduce<T | undefined>((best, part) => (key.startsWith(part.prefix) && part.prefix.length > (best?.prefix.length ?? -1) ? part : best), undefined);

export const units: Kind = {
  name: 'units',
  matches: ({ manifest }) => manifest.kind === 'unit_cases',
  async check(fixture, host) {
    const checkers = new Set<UnitChecker>(), absent = new Set<(typeof ABSENT)[number]>(), unknown = new Set<string>();
    for (const key of fixture.arrays.keys()) {
      const part = longest<UnitChecker | (typeof ABSENT)[number]>([...CHECKERS, ...ABSENT], key);
      if (!part) unknown.add(`${key.split('/')[0]!}/`);
      else if ('check' in part) checkers.add(part);
      else absent.add(part);
    }
    const groups: (Group | Unchecked)[] = [];
    for (const checker of checkers) {
      const compare = comparison(fixture);
      try {
        await checker.check(fixture, compare, host);
        const made = compare.groups();
        groups.push(...(made.length ? made : [failed(`${checker.prefix}: its checker compared nothing`)]));
      } catch (error) { groups.push(...compare.groups(), failed(`${checker.prefix} could not be checked: ${(error as Error).message}`)); }
    }
    for (const prefix of unknown) groups.push(failed(`${prefix}*: nothing checks it`));
    if (absent.size) groups.push({ unchecked: [...absent].map(({ prefix, what }) => `${prefix}* ${what}`).join(', '), because: 'not part of this version' });
    return groups;
  },
};

const failed = (group: string): Group => ({ group, worst: Number.POSITIVE_INFINITY, tolerance: 0, pass: false });
