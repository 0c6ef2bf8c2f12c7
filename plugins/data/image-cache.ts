/**
 * @file Photos decoded once. Images lie in chunks of a few hundred, each a file of raw bytes that is named by the content of its photos; a second
 * name, by the photos' paths, sizes and times, finds a chunk again without opening a photo. So an untouched folder costs one look at every file, a
 * folder that was moved or copied is read but not decoded, one that grew is decoded where it is new, and a killed start goes on after its last chunk.
 */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { hashFile, inputError, makeFolder, sweepPartial, writeShared, type Services } from '../../engine/index.js';
import { contentKey } from './content-key.js';
import type { ImageFiles } from './image-files.js';
import { DamagedPhoto, openDecoder, type Decoder } from './photo.js';
import { nameOfPreparation, prepare, type Preparation } from './preparation.js';
import { sideBySide } from './side-by-side.js';

/** A chunk is a few megabytes: what is lost when a start is killed, and what is read at once. */
const CHUNK_BYTES = 8 << 20;
const CHUNK_IMAGES = 512;
/** Photos decoded at once: enough to keep the decoder's threads busy. */
const DECODED_AT_ONCE = 4;
const LOOKED_AT_AT_ONCE = 32;
/** What nobody has written to for an hour was left by a killed start. */
const LEFT_MS = 3_600_000;
const NAMED = 5;

/** What is known of a chunk: which of its photos are damaged, and why. The others' images follow one another in its file. */
interface ChunkRecord { readonly photos: number; readonly damaged: readonly { readonly at: number; readonly why: string }[] }
interface Chunk extends ChunkRecord { readonly content: string }

/** Decoded images, file by file. */
export interface ImageStore {
  /** Stands for every pixel. */
  readonly key: string;
  /** Bytes of an image. */
  readonly bytes: number;
  /** The photos that could be decoded, as indices of the listing. */
  readonly kept: Int32Array;
  readonly chunks: readonly { readonly file: string; readonly images: number }[];
}

export interface StoreOptions {
  readonly services: Services;
  /** Who asks, for messages. */
  readonly node: string;
  readonly signal: AbortSignal;
  readonly preparation: Preparation;
  /** The share of damaged files that is left out in silence but for a remark. */
  readonly tolerated: number;
}

/**
 * Decodes what the cache does not hold. Says what it reused and why the rest was not. Throws an InputError that names files that are missing, can't be
 * read, or are damaged beyond what is tolerated.
 */
export async function storeImages(files: ImageFiles, options: StoreOptions): Promise<ImageStore> {
  const { services, node, signal, preparation, tolerated } = options, { paths, root } = files, total = paths.length;
  const decoder = await openDecoder();
  const folder = join(services.cache, 'images', `${nameOfPreparation(preparation)}-${decoder.version}`);
  const fresh = !(await exists(folder));
  await makeFolder(folder);
  const place: Place = { folder, files, decoder, preparation, bytes: preparation.channels * preparation.resolution ** 2, signal };
  const size = Math.max(1, Math.min(CHUNK_IMAGES, Math.floor(CHUNK_BYTES / place.bytes)));
  const spans = Array.from({ length: Math.ceil(total / size) }, (_, i) => ({ from: i * size, to: Math.min(total, (i + 1) * size) }));

  const looks = await lookAt(files, signal, (done) => services.progress(`${node}: looking at photos`, done, total));
  const listings = spans.map(({ from, to }) => contentKey('listing', resolve(root), looks.slice(from, to)));
  const chunks: (Chunk | undefined)[] = [];
  for (const listing of listings) chunks.push(await findByListing(place, listing));
  const known = photosOf(chunks);
  if (known < total) {
    services.note(fresh ? `${node}: decoding ${count(total)} photos to ${describe(preparation)}: no photo was decoded this way before`
      : `${node}: reading ${count(total - known)} of ${count(total)} photos: they are new, changed or moved, or were not reached before${known ? '; the others are decoded already' : ''}`);
    await sweepPartial(folder, LEFT_MS);
  }
  const damaged = () => chunks.reduce((sum, chunk) => sum + (chunk?.damaged.length ?? 0), 0);
  const began = performance.now();
  let done = known, recognised = 0;
  for (const [i, span] of spans.entries()) {
    if (!chunks[i]) {
      const { chunk, found } = await makeChunk(place, span, listings[i]!, (within) => services.progress(`${node}: decoding`, done + within, total));
      chunks[i] = chunk;
      done += chunk.photos;
      if (found) recognised += chunk.photos;
    }
    if (damaged() > tolerated * total) break;
  }
  const complete = chunks as readonly Chunk[];
  report(files, complete, spans, options, damaged());
  const decoded = total - known - recognised, seconds = (performance.now() - began) / 1000;
  services.note(`${node}: ${count(total)} photos at ${describe(preparation)} in ${folder}${decoded ? '' : ', none of them decoded anew'}${
    recognised ? `; ${count(recognised)} recognised by their content` : ''}${decoded ? `; ${count(decoded)} decoded in ${seconds.toFixed(1)} s, ${count(Math.round(decoded / seconds))} a second` : ''}`);

  const missing = new Set(spans.flatMap(({ from }, i) => complete[i]!.damaged.map(({ at }) => from + at)));
  const kept = Int32Array.from(paths.keys()).filter((index) => !missing.has(index));
  if (!kept.length) throw inputError(root, 'it holds no photo that can be decoded');
  return {
    key: contentKey(folder.slice(services.cache.length), complete.map(({ content }) => content)), bytes: place.bytes, kept,
    chunks: complete.map(({ content, photos, damaged: { length } }) => ({ file: dataFile(place, content), images: photos - length })),
  };
}

const count = (n: number): string => n.toLocaleString('en');
const describe = ({ resolution, crop, resampler }: Preparation): string => `${resolution} x ${resolution} (${crop === 'centre' ? 'centre crop' : 'squashed'}, ${resampler})`;
const photosOf = (chunks: readonly (Chunk | undefined)[]): number => chunks.reduce((sum, chunk) => sum + (chunk?.photos ?? 0), 0);
const exists = (path: string): Promise<boolean> => stat(path).then(() => true, () => false);

/** Names damaged photos: in an error if they are more than tolerated, else in a remark. */
function report({ paths, root }: ImageFiles, chunks: readonly (Chunk | undefined)[], spans: readonly Span[], { services, node, tolerated }: StoreOptions, damaged: number): void {
  if (!damaged) return;
  const seen = photosOf(chunks), total = paths.length;
  const lines = chunks.flatMap((chunk, i) => chunk?.damaged.map(({ at, why }) => `${paths[spans[i]!.from + at]}: ${why}`) ?? []).slice(0, NAMED);
  const share = (part: number) => `${Number((100 * part).toPrecision(2))} %`;
  if (damaged > tolerated * total) {
    throw inputError(root, `${count(damaged)} of ${seen < total ? `the first ${count(seen)} of ` : ''}${count(total)} photos are damaged; ${share(tolerated)} of them may be`,
      { because: [...lines, ...(damaged > lines.length ? [`and ${count(damaged - lines.length)} more`] : [])], try: 'removing them, or "damaged" in the node\'s config; gantry data check lists all' });
  }
  services.note(`${node}: ${count(damaged)} of ${count(total)} photos are damaged and left out (${share(damaged / total)}): ${lines.join('; ')}${damaged > lines.length ? '; …' : ''}`);
}

interface Span { readonly from: number; readonly to: number }
interface Place {
  readonly folder: string;
  readonly files: ImageFiles;
  readonly decoder: Decoder;
  readonly preparation: Preparation;
  readonly bytes: number;
  readonly signal: AbortSignal;
}
const pathOf = ({ files: { root, paths } }: Place, index: number): string => resolve(root, paths[index]!);
const dataFile = ({ folder }: Place, content: string): string => join(folder, `${content}.images`);
const recordFile = ({ folder }: Place, content: string): string => join(folder, `${content}.json`);
const listingFile = ({ folder }: Place, listing: string): string => join(folder, `${listing}.listing`);

/** Every file's size and times, as text: what changes when a file does. All that are missing are named at once. */
async function lookAt({ root, paths }: ImageFiles, signal: AbortSignal, progress: (done: number) => void): Promise<string[]> {
  const looks: string[] = new Array<string>(paths.length), missing: string[] = [];
  let done = 0;
  await sideBySide(paths.length, LOOKED_AT_AT_ONCE, async (i) => {
    try {
      const { size, mtimeMs, ctimeMs } = await stat(resolve(root, paths[i]!));
      looks[i] = `${paths[i]} ${size} ${mtimeMs} ${ctimeMs}`;
    } catch (error) {
      missing.push(`${paths[i]} (${(error as NodeJS.ErrnoException).code})`);
    }
    if (++done % 1000 === 0) progress(done);
  }, signal);
  if (missing.length) throw inputError(root, `${count(missing.length)} of ${count(paths.length)} photos are not there: ${missing.slice(0, NAMED).join(', ')}${missing.length > NAMED ? ', …' : ''}`);
  return looks;
}

const findByListing = async (place: Place, listing: string): Promise<Chunk | undefined> =>
  findByContent(place, await readFile(listingFile(place, listing), 'utf8').catch(() => ''));

/** A chunk whose record and images are both there and whole. */
async function findByContent(place: Place, content: string): Promise<Chunk | undefined> {
  if (!/^[0-9a-f]{32}$/.test(content)) return undefined;
  try {
    const record = JSON.parse(await readFile(recordFile(place, content), 'utf8')) as ChunkRecord;
    const { size } = await stat(dataFile(place, content));
    return size === place.bytes * (record.photos - record.damaged.length) ? { ...record, content } : undefined;
  } catch {
    return undefined;
  }
}

/** A chunk by the content of its photos: found under it, or decoded and written. */
async function makeChunk(place: Place, span: Span, listing: string, progress: (within: number) => void): Promise<{ readonly chunk: Chunk; readonly found: boolean }> {
  const content = await contentOf(place, span);
  const before = await findByContent(place, content);
  const chunk = before ?? { ...(await decodeChunk(place, span, content, progress)), content };
  await writeShared(listingFile(place, listing), content);
  return { chunk, found: before !== undefined };
}

/** Hashes the files of a chunk, a few at a time. */
async function contentOf(place: Place, { from, to }: Span): Promise<string> {
  const hashes = new Array<string>(to - from);
  await sideBySide(to - from, DECODED_AT_ONCE, async (i) => { hashes[i] = await readOr(pathOf(place, from + i), hashFile); }, place.signal);
  return createHash('sha256').update(hashes.join('\n')).digest('hex').slice(0, 32);
}

/** Decodes a chunk's photos and writes their images, then what is known of them. */
async function decodeChunk(place: Place, { from, to }: Span, content: string, progress: (within: number) => void): Promise<ChunkRecord> {
  const { bytes, decoder, preparation, signal } = place, photos = to - from;
  const images = new Uint8Array(photos * bytes), damaged: { at: number; why: string }[] = [];
  let done = 0;
  await sideBySide(photos, DECODED_AT_ONCE, async (at) => {
    try {
      await prepare(await decoder.decode(await readOr(pathOf(place, from + at), (path) => readFile(path)), preparation.colour), preparation, images, at * bytes);
    } catch (error) {
      if (!(error instanceof DamagedPhoto)) throw error;
      damaged.push({ at, why: error.message });
    }
    progress(++done);
  }, signal);
  damaged.sort((a, b) => a.at - b.at);
  let kept = 0;
  const gone = new Set(damaged.map(({ at }) => at));
  for (let at = 0; at < photos; at++) if (!gone.has(at)) images.copyWithin(bytes * kept++, bytes * at, bytes * (at + 1));
  await writeShared(dataFile(place, content), images.subarray(0, kept * bytes));
  await writeShared(recordFile(place, content), JSON.stringify({ photos, damaged } satisfies ChunkRecord));
  return { photos, damaged };
}

/** A file that is there but can't be read is no damaged photo: whoever runs this can change that. */
async function readOr<T>(path: string, read: (path: string) => Promise<T>): Promise<T> {
  return read(path).catch((error: unknown) => {
    const code = ((error as NodeJS.ErrnoException).code ?? ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code) ?? String(error);
    throw inputError(path, `it can not be read (${code})`, {}, { cause: error });
  });
}
