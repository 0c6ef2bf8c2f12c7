/** @file A folder that one process at a time writes: a file in it names who. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { diskError, makeFolder } from './atomic.js';

/** Who holds a folder, and by which file. */
export interface Claim { readonly pid: number; readonly host: string; readonly file: string }
interface Written { readonly pid: number; readonly host: string; readonly born?: string }

/** Claims that this process holds. */
const held = new Set<string>();

/** Claims a folder that is there until `release`, or gives whose it is. The claim of a dead process is taken over. */
export async function claimFolder(path: string): Promise<{ release(): Promise<void> } | Claim> {
  const file = join(resolve(path), 'lock');
  const claim: Written = { pid: process.pid, host: hostname(), ...(await birthOf(process.pid)) };
  for (;;) {
    const made = await writeFile(file, JSON.stringify(claim), { flag: 'wx' }).then(() => true, (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false;
      throw diskError(error, file, 2);
    });
    if (made) break;
    const other = await readClaim(file);
    if (other && await isAlive(other, file)) return { pid: other.pid, host: other.host, file };
    // Moving the stale claim aside lets one of several newcomers win.
    const stale = `${file}.${process.pid}.stale`;
    await rename(file, stale).catch((error: NodeJS.ErrnoException) => { if (error.code !== 'ENOENT') throw diskError(error, file, 2); });
    await rm(stale, { force: true });
  }
  held.add(file);
  return { release: async () => { if (held.delete(file)) await rm(file, { force: true }); } };
}

/** How often another process's claim is looked at. */
const LOOK_MS = 500;

/** Does what has to be done in a folder while no other process does, making the folder first. `onWait` hears once of the process that is waited for. */
export async function whileClaimed<T>(folder: string, onWait: (claim: Claim) => void, signal: AbortSignal | undefined, body: () => Promise<T>): Promise<T> {
  await makeFolder(folder).catch((error: unknown) => { throw diskError(error, folder, 2); });
  for (let told = false; ; told = true) {
    const claim = await claimFolder(folder);
    if ('release' in claim) {
      try { return await body(); } finally { await claim.release(); }
    }
    if (!told) onWait(claim);
    await wait(LOOK_MS, undefined, signal && { signal });
  }
}

async function readClaim(file: string): Promise<Written | undefined> {
  try {
    const claim = JSON.parse(await readFile(file, 'utf8')) as Written;
    return Number.isInteger(claim.pid) ? claim : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the process that made a claim lives. Of another machine nothing is known: its claim holds. */
async function isAlive({ pid, host, born }: Written, file: string): Promise<boolean> {
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
