/** @file The store of vectors: a folder of float32 rows for each model, output, preparation and data set, written row by row and found again by what it was made from. */
import { open, readdir, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { diskError, whileClaimed, writeAtomically, type Claim, type Services } from '../../engine/index.js';
import { hashOf } from './open.js';

/** What vectors were made from. Equal origins, equal vectors: what each part says is compared, part by part. */
export interface Origin {
  readonly model: { readonly sha256: string };
  readonly output: { readonly name: string; readonly pool: string };
  readonly preparation: object;
  readonly data: { readonly key: string };
  readonly mirrored: boolean;
}
const PARTS = ['model', 'output', 'preparation', 'data', 'mirrored'] as const;

/** manifest.json of a folder of the store. */
interface Manifest extends Origin {
  readonly version: 1;
  /** For people: the model's and the data set's names. */
  readonly names: Readonly<Record<'model' | 'data', string>>;
  readonly rows: number;
  readonly width: number;
  /** Rows that are on the disk, from the first. */
  readonly complete: number;
}

/** A whole file of vectors as the model gave them, f32[rows,width] row-major, little-endian, not normalised. */
export interface Stored { readonly path: string; readonly rows: number; readonly width: number; readonly key: string }

export interface Order {
  readonly origin: Origin;
  readonly names: Manifest['names'];
  readonly rows: number;
  readonly width: number;
  /** Begins remarks and progress. */
  readonly where: string;
  readonly signal?: AbortSignal | undefined;
  /** Rows from `from` on, as many as suit; opened when there is something to do. */
  readonly produce: () => Promise<{ next(from: number): Promise<Float32Array>; close(): Promise<void> }>;
}

const ROWS = 'features.f32', MANIFEST = 'manifest.json';
/** How often rows are made safe: what a killed process may have to do again. */
const SAFE_MS = 2000;

/** Files that are being completed here: two nodes may want the same one. */
const underWay = new Map<string, Promise<Stored>>();

/** The whole file of an order: found, or completed from where it stands. Says which, and why. */
export function stored(services: Services, order: Order): Promise<Stored> {
  const key = hashOf([1, ...PARTS.map((part) => order.origin[part])]);
  const folder = join(services.cache, 'features', key);
  const going = underWay.get(folder) ?? find(services, order, folder, key).finally(() => underWay.delete(folder));
  underWay.set(folder, going);
  return going;
}

async function find(services: Services, order: Order, folder: string, key: string): Promise<Stored> {
  const { rows, width, where, names } = order, path = join(folder, ROWS), bytes = rows * width * 4;
  const result: Stored = { path, rows, width, key };
  const whole = async () => (await stat(path).catch(() => undefined))?.size === bytes;
  const what = `${rows} ${order.origin.mirrored ? 'vectors of mirrored images' : 'vectors'} of ${width} by ${names.model}`;
  const reuse = () => services.note(`${where}: reuses ${what}: model, output, preparation and data (${names.data}) are the same (${folder})`);
  if (await whole()) { reuse(); return result; }
  const waiting = ({ pid, host, file }: Claim) => services.note(`${where}: process ${pid} on ${host} is extracting the same vectors: waits for it; if it is gone, delete ${file}`);
  return whileClaimed(folder, waiting, order.signal, async () => {
    if (await whole()) reuse();
    else await complete(services, order, folder, what);
    return result;
  });
}

async function complete(services: Services, order: Order, folder: string, what: string): Promise<void> {
  const { origin, names, rows, width, where, signal } = order, partial = join(folder, `${ROWS}.partial`), path = join(folder, ROWS);
  const describe = (done: number): Manifest => ({ version: 1, ...origin, names, rows, width, complete: done });
  const record = (done: number) => writeAtomically(join(folder, MANIFEST), `${JSON.stringify(describe(done), null, 2)}\n`);
  const before = await readManifest(folder), there = (await stat(partial).catch(() => undefined))?.size ?? 0;
  let done = before ? Math.min(before.complete, Math.floor(there / (width * 4)), rows) : 0;
  const torn = before && !done ? 'an earlier extraction left no rows that can be used' : undefined;
  services.note(done ? `${where}: goes on with ${what} at ${done}` : `${where}: extracts ${what}: ${torn ?? await reason(services, order)}`);
  if (!done) await record(0);

  const file = await open(partial, done ? 'r+' : 'w').catch((error: unknown) => { throw diskError(error, partial, 2); });
  const producer = await order.produce().catch(async (error: unknown) => { await file.close(); throw error; });
  let safe = performance.now();
  const save = async () => {
    await file.datasync();
    await record(done);
    safe = performance.now();
  };
  try {
    services.progress(`${where}: vectors`, done, rows);
    while (done < rows) {
      signal?.throwIfAborted();
      const values = await producer.next(done), bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      for (let at = 0; at < bytes.length;) at += (await file.write(bytes, at, bytes.length - at, done * width * 4 + at)).bytesWritten;
      done += values.length / width;
      services.progress(`${where}: vectors`, done, rows);
      if (performance.now() - safe > SAFE_MS) await save();
    }
    await file.sync();
    await file.close();
    await rename(partial, path);
    await record(rows);
  } catch (error) {
    // What was asked to stop, or failed, keeps what it has.
    await save().catch(() => undefined);
    throw diskError(error, path);
  } finally {
    await file.close().catch(() => undefined);
    await producer.close();
  }
}

async function readManifest(folder: string): Promise<Manifest | undefined> {
  try {
    const manifest = JSON.parse(await readFile(join(folder, MANIFEST), 'utf8')) as Manifest;
    return manifest.version === 1 ? manifest : undefined;
  } catch {
    return undefined;
  }
}

/** Why there is something to extract: what changed since the vectors that are most like these. */
async function reason({ cache }: Services, { origin, names }: Order): Promise<string> {
  const home = join(cache, 'features');
  let nearest: { readonly manifest: Manifest; readonly same: number; readonly time: number } | undefined;
  for (const name of await readdir(home).catch(() => [])) {
    const path = join(home, name), manifest = await readManifest(path);
    if (!manifest) continue;
    const same = PARTS.filter((part) => equal(manifest[part], origin[part])).length, time = (await stat(path)).mtimeMs;
    if ((equal(manifest.model, origin.model) || equal(manifest.data, origin.data)) && (!nearest || same > nearest.same || (same === nearest.same && time > nearest.time))) nearest = { manifest, same, time };
  }
  if (!nearest) return 'the store has nothing of this model or this data';
  const { manifest } = nearest, kept = PARTS.filter((part) => equal(manifest[part], origin[part]));
  const changed = PARTS.filter((part) => !kept.includes(part)).map((part) => {
    if (part === 'model' || part === 'data') return `${part} (${tell(manifest.names[part], manifest[part])} in the store, ${tell(names[part], origin[part])} now)`;
    if (part === 'mirrored') return `${part} (${manifest.mirrored} in the store, ${origin.mirrored} now)`;
    return `${part} (${differing(manifest[part], origin[part])})`;
  });
  return `of the nearest in the store ${changed.join(', ')} changed, ${kept.join(', ')} stayed`;
}

const equal = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
const tell = (name: string, identity: { readonly sha256: string } | { readonly key: string }): string => `${name} ${('key' in identity ? identity.key : identity.sha256).slice(0, 8)}`;
const differing = (there: object, here: object): string => {
  const [a, b] = [there, here] as Readonly<Record<string, unknown>>[];
  return Object.keys({ ...a, ...b }).filter((key) => !equal(a![key], b![key])).map((key) => `${key} ${JSON.stringify(a![key])} in the store, ${JSON.stringify(b![key])} now`).join('; ');
};
