/** @file A run's directory: one folder that holds all of a run, claimed by one process at a time. */
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inputError } from '../spec/issue.js';
import type { Best } from './checkpoint.js';
import { diskError, exists, makeWritableFolder, writeAtomically } from './atomic.js';
import { claimFolder } from './claim-folder.js';

/** What ran, in run.json: all that is needed to run it again. */
export interface RunRecord {
  readonly name: string;
  readonly seed: number;
  readonly device: string;
  readonly versions: Readonly<Record<string, string>>;
  /** Waves in all, and how checkpoints are kept: a resumed run goes on with these unless it is told otherwise. */
  readonly waves?: number;
  /** Why it ended before the waves that it was started with: a node said that they suffice. `waves` is where it ended. */
  readonly early?: string;
  readonly checkpoints?: { readonly every: number; readonly keep: number; readonly best?: Best };
  /** The command as it was typed. */
  readonly command: readonly string[];
  /** When it was started and resumed, as ISO 8601. */
  readonly started: string;
  readonly resumed?: readonly { readonly waves: number; readonly at: string }[];
}

export interface RunDirectory {
  readonly path: string;
  /** The resolved graph, with every default filled in. */
  readonly graph: string;
  readonly run: string;
  readonly metrics: string;
  readonly pictures: string;
  readonly checkpoints: string;
  readonly generator: string;
  readonly report: string;
  /** Gives the directory up. */
  release(): Promise<void>;
}

/** Makes `<root>/<name>-<n>` with the first free n and claims it. Throws a GantryError, exit code 2, for a place that can't be written. */
export async function createRunDirectory(root: string, name: string): Promise<RunDirectory> {
  await makeWritableFolder(root);
  const taken = new Set(await readdir(root));
  for (let n = 1; ; n++) {
    const folder = `${name}-${n}`;
    if (taken.has(folder)) continue;
    // Another process may take the same number: then the folder is there, and the next number is tried.
    const made = await mkdir(join(root, folder)).then(() => true, (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false;
      throw diskError(error, join(root, folder), 2);
    });
    if (made) return claimRunDirectory(join(root, folder));
  }
}

/**
 * Claims a directory for a run, making it if need be. A second claim while the first one's process lives is an InputError that names it;
 * the claim of a dead process is taken over.
 */
export async function claimRunDirectory(path: string): Promise<RunDirectory> {
  await makeWritableFolder(path);
  const claim = await claimFolder(path);
  if ('release' in claim) return { ...layoutOf(path), release: claim.release };
  throw inputError(path, `is being written by process ${claim.pid} on ${claim.host}; one run at a time writes a directory`, {
    try: `another --out, or wait for it to end; if that process is gone, delete ${claim.file}`,
  });
}

/** Where everything lies in a run's directory. */
export function layoutOf(path: string): Omit<RunDirectory, 'release'> {
  const at = (name: string) => join(path, name);
  return {
    path, graph: at('graph.json'), run: at('run.json'), metrics: at('metrics.jsonl'), pictures: at('pictures'),
    checkpoints: at('checkpoints'), generator: at('generator.onnx'), report: at('report.html'),
  };
}

/** Whether a run was recorded here: what `--resume` continues and a new run must not write over. */
export const holdsRun = (path: string): Promise<boolean> => exists(layoutOf(path).run);

/** Writes what ran. Keys are in the order given. */
export const writeRunRecord = (directory: { readonly run: string }, record: RunRecord): Promise<void> =>
  writeAtomically(directory.run, `${JSON.stringify(record, null, 2)}\n`);

/** Reads what ran. Throws an InputError if nothing did, or the file is damaged. */
export async function readRunRecord(directory: { readonly path: string; readonly run: string }): Promise<RunRecord> {
  const text = await readFile(directory.run, 'utf8').catch(() => {
    throw inputError(directory.path, 'holds no run: there is no run.json', { try: 'the folder of a run, runs/<graph>-<n>' });
  });
  try {
    return JSON.parse(text) as RunRecord;
  } catch {
    throw inputError(directory.run, 'is damaged: it is no JSON');
  }
}
