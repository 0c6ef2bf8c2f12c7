/** @file Files and folders that appear whole or not at all: written beside their place, flushed, then renamed. */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { GantryError, type ExitCode, type Issue } from '../spec/issue.js';

/** What a file may be written from. An iterable is written piece by piece, so that a large file never sits in memory whole. */
export type Content = string | Uint8Array | AsyncIterable<string | Uint8Array> | ((file: FileHandle) => Promise<void>);

const PARTIAL = '.partial';
const REPLACED = '.replaced';

/**
 * Writes a file whole or not at all: a reader sees the old content or the new, and a failure leaves nothing behind.
 * Throws a GantryError that names the path when the disk is full or the place can't be written (exit code 3).
 */
export async function writeAtomically(path: string, content: Content, partial = path + PARTIAL): Promise<void> {
  try {
    const file = await open(partial, 'w');
    try {
      await fill(file, content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(partial, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined);
    throw diskError(error, path);
  }
}

/** The same where several processes may be writing the file at once, all of them the same content: a cache. */
export const writeShared = (path: string, content: Content): Promise<void> => writeAtomically(path, content, `${path}.${randomUUID().slice(0, 8)}${PARTIAL}`);

/**
 * Makes a folder whole or not at all. `fill` writes files into the folder it is given (with `writeAtomically`, which flushes them);
 * a folder that was there before is replaced. Errors as `writeAtomically`.
 */
export async function writeFolderAtomically(path: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const partial = path + PARTIAL;
  const replaced = path + REPLACED;
  try {
    await rm(partial, { recursive: true, force: true });
    await makeFolder(partial);
    await fill(partial);
    await syncFolder(partial);
    if (await exists(path)) {
      await rm(replaced, { recursive: true, force: true });
      await rename(path, replaced);
    }
    await rename(partial, path);
    await syncFolder(dirname(path));
    await rm(replaced, { recursive: true, force: true });
  } catch (error) {
    await rm(partial, { recursive: true, force: true }).catch(() => undefined);
    throw diskError(error, path);
  }
}

/**
 * Undoes what a killed process left half done in a folder: partial entries go, and a replaced entry without its successor comes back.
 * In a folder that others may be writing to, only what is `idle` for so many milliseconds is a killed one's.
 */
export async function sweepPartial(folder: string, idle = 0): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name);
    const left = idle === 0 || await stat(path).then(({ mtimeMs }) => Date.now() - mtimeMs > idle, () => false);
    if (name.endsWith(PARTIAL) && left) await rm(path, { recursive: true, force: true });
    if (!name.endsWith(REPLACED)) continue;
    const place = path.slice(0, -REPLACED.length);
    if (await exists(place)) await rm(path, { recursive: true, force: true });
    else await rename(path, place);
  }
}

/** Makes a folder for output and proves that files can be written in it. Throws a GantryError with exit code 2: the user chose the place. */
export async function makeWritableFolder(path: string): Promise<void> {
  const probe = join(path, `.writable-${randomUUID()}`);
  try {
    await makeFolder(path);
    await (await open(probe, 'w')).close();
    await rm(probe);
  } catch (error) {
    throw diskError(error, path, 2);
  }
}

/** Makes a folder and those above it. (Node's own recursive `mkdir` never returns where the system answers ENOENT below a folder that is there, as /proc does.) */
export async function makeFolder(path: string): Promise<void> {
  const above = dirname(resolve(path));
  if (above !== resolve(path) && !(await exists(above))) await makeFolder(above);
  try {
    await mkdir(path);
  } catch (error) {
    const there = await stat(path).catch(() => undefined);
    if (!there?.isDirectory()) throw error;
  }
}

const REASONS: Readonly<Record<string, { readonly says: string; readonly try: string }>> = {
  ENOSPC: { says: 'the disk is full', try: 'free some space there, then run again with --resume' },
  EDQUOT: { says: 'the disk quota is used up', try: 'free some space there, then run again with --resume' },
  EACCES: { says: 'no permission to write here', try: 'another folder with --out, or change the permissions' },
  EPERM: { says: 'writing here is not permitted', try: 'another folder with --out, or change the permissions' },
  EROFS: { says: 'the file system is read-only', try: 'another folder with --out' },
  ENOTDIR: { says: 'a part of the path is a file, not a folder', try: 'another folder with --out' },
  EEXIST: { says: 'a file is in the way of the folder', try: 'another folder with --out' },
  ENOENT: { says: 'the folder is gone or can not be made', try: 'another folder with --out' },
  EMFILE: { says: 'too many files are open', try: 'a higher limit: ulimit -n' },
  EIO: { says: 'the disk reports an input/output error', try: 'another folder with --out' },
};

/** Turns a system error about writing `path` into one for people; other errors pass through. A full disk always ends with exit code 3. */
export function diskError(error: unknown, path: string, exitCode: ExitCode = 3): unknown {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  const reason = REASONS[code];
  if (!reason || error instanceof GantryError) return error;
  const issue: Issue = { at: '', says: `can not be written: ${reason.says} (${code})`, try: reason.try };
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  return new GantryError('DiskError', resolve(path).replaceAll(PARTIAL, ''), [issue], full ? 3 : exitCode, { cause: error });
}

/** Whether something is there; a place that can't be looked at counts as empty. */
export const exists = (path: string): Promise<boolean> => stat(path).then(() => true, () => false);

/** A rename is on the disk only when its folder is; systems that can't flush folders are left to themselves. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path || '.', 'r').catch(() => undefined);
  await folder?.sync().catch(() => undefined);
  await folder?.close();
}

/** Bytes a write hands over at once: small enough that hashing one between two writes is not felt by the event loop. */
export const SLICE = 1 << 20;

/** Writes all bytes at the file's position, a slice at a time; `seen` gets every slice (a hash, say). */
export async function writeSlices(file: FileHandle, bytes: Uint8Array, seen?: (slice: Uint8Array) => void): Promise<void> {
  for (let start = 0; start < bytes.byteLength; start += SLICE) {
    const slice = bytes.subarray(start, start + SLICE);
    seen?.(slice);
    for (let done = 0; done < slice.byteLength;) done += (await file.write(slice, done)).bytesWritten;
  }
}

async function fill(file: FileHandle, content: Content): Promise<void> {
  if (typeof content === 'function') return content(file);
  if (typeof content === 'string' || content instanceof Uint8Array) return writeSlices(file, bytesOf(content));
  for await (const piece of content) await writeSlices(file, bytesOf(piece));
}

const bytesOf = (piece: string | Uint8Array): Uint8Array => (typeof piece === 'string' ? Buffer.from(piece) : piece);

/** The name a path has in messages about a folder: its last part. */
export const nameOf = (path: string): string => basename(resolve(path));
