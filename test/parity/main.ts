/** @file `npm run parity -- FOLDER [--only a,b] [--json]`: our networks, losses, gradients and steps against fixtures of the published implementations. */
import { parseArgs } from 'node:util';
import { createWorkerHost } from '../../engine/session/worker-host.js';
import { GantryError, inputError } from '../../engine/spec/issue.js';
import { fixtureNames, readFixture, type Fixture, type Group, type Kind, type Unchecked } from './fixture.js';
import { kinds } from './kinds/index.js';

const USAGE = `Usage: npm run parity -- FOLDER [--only NAME,NAME] [--json]

Checks every fixture in FOLDER and prints one line a tensor group: worst error, tolerance, pass or FAIL.
What this version does not claim is named as not checked.
Exit code 1 if any group fails or a fixture's kind is unknown, 2 if the input is wrong.

Example: npm run parity -- ../shared/fixtures/self-cond-and-pgmgan --only sc_mlp2d,sc_dcgan_shallow`;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { only: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } });
  if (values.help) { console.log(USAGE); return 0; }
  const [folder] = positionals;
  if (!folder || positionals.length > 1) throw inputError('parity', 'it wants one folder of fixtures', { try: USAGE.split('\n')[0]! });
  const names = values.only?.split(',') ?? await fixtureNames(folder);
  const host = await createWorkerHost({ device: 'cpu' });
  let passed = 0, failed = 0, unchecked = 0;
  const say = (fixture: string, group: Group | Unchecked) => {
    if ('unchecked' in group) {
      unchecked++;
      console.log(values.json ? JSON.stringify({ fixture, ...group }) : `none  ${fixture.padEnd(22)} not checked: ${group.unchecked} (${group.because})`);
      return;
    }
    if (group.pass) passed++; else failed++;
    if (values.json) console.log(JSON.stringify({ fixture, ...group, worst: Number.isFinite(group.worst) ? group.worst : null }));
    else console.log(`${group.pass ? 'pass' : 'FAIL'}  ${fixture.padEnd(22)} ${group.group.padEnd(52)} ${group.worst.toExponential(2)} of ${group.tolerance.toExponential(2)}`);
  };
  try {
    for (const name of names) {
      const fixture = await readFixture(folder, name);
      const kind = kinds.find((candidate) => candidate.matches(fixture));
      if (!kind) say(name, { group: `unknown kind of fixture: ${fixture.manifest.kind ?? fixture.manifest.source}`, worst: Number.POSITIVE_INFINITY, tolerance: 0, pass: false });
      else for (const group of await checked(fixture, () => kind.check(fixture, host))) say(name, group);
    }
  } finally { await host.close(); }
  if (!values.json) console.log(`${passed} passed, ${failed} failed${unchecked ? `, ${unchecked} not checked` : ''}`);
  return failed ? 1 : 0;
}

/** A check that breaks down is a failed group, so that the other fixtures still run. */
async function checked({ manifest }: Fixture, check: () => ReturnType<Kind['check']>): ReturnType<Kind['check']> {
  try { return await check(); } catch (error) {
    return [{ group: `${manifest.name} could not be checked: ${(error as Error).message}`, worst: Number.POSITIVE_INFINITY, tolerance: 0, pass: false }];
  }
}

main().then((code) => { process.exitCode = code; }, (error: unknown) => {
  console.error(error instanceof GantryError ? error.message : error);
  process.exitCode = error instanceof GantryError ? error.exitCode : 1;
});
