/** @file A run's directory: one folder that holds all of a run, claimed by one process at a time. */
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { inputError } from '../spec/issue.js';
import type { Best } from './checkpoint.js';
import { diskError, exists, makeWritableFolder, writeAtomically } from './atomic.js';

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
  const release = await lock(path);
  return { ...layoutOf(path), release };
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

interface Claim { readonly pid: number; readonly host: string; readonly born?: string }

/** Directories that this process holds. */
const held = new Set<string>();

async function lock(path: string): Promise<() => Promise<void>> {
  const file = join(resolve(path), 'lock');
  const claim: Claim = { pid: process.pid, host: hostname(), ...(await birthOf(process.pid)) };
  for (;;) {
    const made = await writeFile(file, JSON.stringify(claim), { flag: 'wx' }).then(() => true, (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false;
      throw diskError(error, file, 2);
    });
    if (made) break;
    const other = await readClaim(file);
    if (other && await isAlive(other, file)) {
      throw inputError(path, `is being written by process ${other.pid} on ${other.host}; one run at a time writes a directory`, {
        try: `another --out, or wait for it to end; if that process is gone, delete ${file}`,
      });
    }
    // Moving the stale claim aside lets one of several newcomers win.
    const stale = `${file}.${process.pid}.stale`;
    await rename(file, stale).catch((error: NodeJS.ErrnoException) => { if (error.code !== 'ENOENT') throw diskError(error, file, 2); });
    await rm(stale, { force: true });
  }
  held.add(file);
  return async () => {
    if (held.delete(file)) await rm(file, { force: true });
  };
}

async function readClaim(file: string): Promise<Claim | undefined> {
  try {
    const claim = JSON.parse(await readFile(file, 'utf8')) as Claim;
    return Number.isInteger(claim.pid) ? claim : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the process that made a claim lives. Of another machine nothing is known: its claim holds. */
async function isAlive({ pid, host, born }: Claim, file: string): Promise<boolean> {
  if (host !== hostname()) return true;
  if (pid === process.pid) return held.has(file);
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  // A number may have been given to a new process since.
  const now = (await birthOf(pid)).born;
  return born === undefined || now === undefined || born === now;
}

/** When a process was started, in the kernel's ticks since boot (proc(5), field 22); nothing where there is no /proc. */
async function birthOf(pid: number): Promise<{ readonly born?: string }> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const born = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  return born ? { born } : {};
}
