/** @file Whether what was published is ours: a fixture beside the project, checked as `npm run parity` does. */
import path from 'node:path';
import type { SessionHost } from '../../engine/session/host.js';
import { readFixture, type Kind } from '../parity/fixture.js';
import { shared } from './rig.js';

/** Expects a fixture of `folder` to be of this kind, and every group of it, more than `least` of them, to pass. */
export async function expectPublished(kind: Kind, folder: string, name: string, host: SessionHost, least: number): Promise<void> {
  const fixture = await readFixture(path.join(shared, 'fixtures', folder), name), groups = (await kind.check(fixture, host)).flatMap((group) => ('pass' in group ? [group] : []));
  expect(kind.matches(fixture)).toBe(true);
  expect(groups.filter(({ pass }) => !pass)).toEqual([]);
  expect(groups.length).toBeGreaterThan(least);
}
