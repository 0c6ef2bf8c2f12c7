/** @file One process at a time writes a run's directory. */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { claimRunDirectory, createRunDirectory, holdsRun, readRunRecord, writeRunRecord, type RunRecord } from '../../engine/journal/run-directory.js';

let root = '';
beforeEach(async () => { root = await mkdtemp(join(tmpdir(), 'gantry-runs-')); });
afterEach(() => rm(root, { recursive: true, force: true }));

test('runs of one graph are numbered, also when they start at once', async () => {
  const runs = await Promise.all([1, 2, 3].map(() => createRunDirectory(join(root, 'runs'), 'ring')));
  expect(runs.map(({ path }) => path).sort()).toEqual([1, 2, 3].map((n) => join(root, 'runs', `ring-${n}`)));
  await Promise.all(runs.map(({ release }) => release()));
});

test('a directory is claimed once, and again when it was given up', async () => {
  const first = await claimRunDirectory(join(root, 'run'));
  await expect(claimRunDirectory(join(root, 'run'))).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining(`process ${process.pid} on ${hostname()}`) });
  await first.release();
  const second = await claimRunDirectory(join(root, 'run'));
  await second.release();
  expect(await readdir(join(root, 'run'))).toEqual([]);
});

test('the claim of a dead process is taken over, that of a living one or of another machine is not', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => 0, 1000)'], { stdio: 'ignore' });
  const ended = new Promise((done) => { child.once('exit', done); });
  const write = (claim: object) => writeFile(join(root, 'lock'), JSON.stringify(claim));
  try {
    await write({ pid: child.pid, host: hostname() });
    await expect(claimRunDirectory(root)).rejects.toThrow(`process ${child.pid}`);
    if (process.platform === 'linux') {
      // The same number, but another process than the one that made the claim.
      await write({ pid: child.pid, host: hostname(), born: '1' });
      await (await claimRunDirectory(root)).release();
    }
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
  await write({ pid: child.pid, host: hostname() });
  await (await claimRunDirectory(root)).release();
  await write({ pid: 1, host: 'elsewhere' });
  await expect(claimRunDirectory(root)).rejects.toThrow('process 1 on elsewhere');
  await writeFile(join(root, 'lock'), '');
  await (await claimRunDirectory(root)).release();
});

test('the record of a run is found again, and its absence or damage is named', async () => {
  const run = await claimRunDirectory(root);
  const record: RunRecord = { name: 'ring', seed: 3, device: 'cpu', versions: { gantry: '0.1.0' }, command: ['gantry', 'run'], started: '2026-01-01T00:00:00Z' };
  expect(await holdsRun(root)).toBe(false);
  await expect(readRunRecord(run)).rejects.toThrow('holds no run: there is no run.json');
  await writeRunRecord(run, record);
  expect(await holdsRun(root)).toBe(true);
  expect(await readRunRecord(run)).toEqual(record);
  await writeFile(run.run, '{"name":');
  await expect(readRunRecord(run)).rejects.toThrow('run.json: is damaged');
  await run.release();
});
