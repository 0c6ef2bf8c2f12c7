/** @file A run's directory, claimed: a new one, or that of the run to go on with, whose record and graph must agree. */
import { createRequire } from 'node:module';
import { readFile, rm, rmdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Graph } from '../dataflow/graph.js';
import { exists, writeAtomically } from '../journal/atomic.js';
import { NOTES } from '../journal/journal.js';
import { claimRunDirectory, createRunDirectory, holdsRun, readRunRecord, writeRunRecord, type RunDirectory, type RunRecord } from '../journal/run-directory.js';
import { inputError } from '../spec/issue.js';
import { differences } from './resolved-graph.js';

export interface Claim {
  readonly directory: RunDirectory;
  readonly record: RunRecord;
  /** Whether the folder was made for this run. */
  readonly made: boolean;
}

/** What a new run is called after its graph's file. */
export const nameOfRun = (file: string | undefined): string => (file ? basename(file, '.json') : 'run');

/** Claims `out`, or `runs/<name>-<n>`, for a new run. Throws an InputError if `out` holds one already. */
export async function claimNew(resolved: Graph, out: string | undefined, record: Omit<RunRecord, 'versions'>): Promise<Claim> {
  const made = !out || !await exists(out), directory = out ? await claimRunDirectory(out) : await createRunDirectory('runs', record.name);
  return guarded(directory, async () => {
    if (await holdsRun(directory.path)) throw inputError(directory.path, 'it holds a run already', { try: `--resume ${directory.path} to go on with it, or another --out` });
    const whole = { ...record, versions: versions() };
    await writeAtomically(directory.graph, `${JSON.stringify(resolved, null, 2)}\n`);
    await writeRunRecord(directory, whole);
    return { directory, record: whole, made };
  });
}

/** Claims `out` to go on with the run there. Throws an InputError that says what differs if that is of another graph or seed. */
export async function claimResumed(resolved: Graph, out: string): Promise<Claim> {
  const directory = await claimRunDirectory(out);
  return guarded(directory, async () => {
    const record = await readRunRecord(directory);
    const found = differences(JSON.parse(await readFile(directory.graph, 'utf8')) as Graph, resolved);
    if (found.length) {
      throw inputError(out, 'the run there is of another graph or seed; resuming wants the same', { because: found, try: `gantry run --resume ${out}, which takes the graph from there` });
    }
    return { directory, record, made: false };
  });
}

/** Takes back what a run wrote that failed before its first wave was complete: it would only be in the way of the next try. Nobody else's files are touched. */
export async function unclaim({ directory: { path, run, graph, checkpoints, release }, made }: Claim): Promise<void> {
  for (const file of [run, graph, join(path, NOTES)]) await rm(file, { force: true });
  await rmdir(checkpoints).catch(() => undefined);
  await release();
  if (made) await rmdir(path).catch(() => undefined);
}

async function guarded(directory: RunDirectory, use: () => Promise<Claim>): Promise<Claim> {
  try {
    return await use();
  } catch (error) {
    await directory.release();
    throw error;
  }
}

function versions(): Readonly<Record<string, string>> {
  const require = createRequire(import.meta.url);
  const of = (name: string) => (require(name) as { readonly version: string }).version;
  return { gantry: of('../../../package.json'), node: process.versions.node, 'onnxruntime-node': of('onnxruntime-node/package.json') };
}
