/** @file What a folder of photos holds, every one of them opened: for `gantry data check`. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { indicesBy, inputError, type Finding, type Spread, type Survey, type SurveyReport } from '../../engine/index.js';
import { listImages, type ImageFiles } from './image-files.js';
import { createLookAlikes, THUMB } from './look-alikes.js';
import { DamagedPhoto, openDecoder, type Decoder, type Description, type Photo } from './photo.js';
import { prepare, type Preparation } from './preparation.js';
import { sideBySide } from './side-by-side.js';

const AT_ONCE = 4;
const USUAL = [32, 64, 128, 256, 512];
/** The share of damaged photos that a graph leaves out unless it says otherwise. */
const TOLERATED = 0.01;
const THUMBNAIL: Preparation = { resolution: THUMB, crop: 'none', resampler: 'bilinear', rounding: 'round', colour: 'stored', channels: 3 };

/** What is known of one photo: its description upright, or what is wrong with it. */
interface Seen {
  readonly hash: string;
  readonly description?: Description;
  readonly damaged?: string;
  readonly doubtful?: string;
  readonly thumb?: Uint8Array;
}

export const imageFolderSurvey: Survey = {
  name: 'image-folder',
  about: 'Photos of a folder: counts, classes, sizes, formats, equal and damaged files.',
  async run({ path, list }, { progress }) {
    const files = await listImages(path, list), total = files.paths.length;
    const decoder = await openDecoder(), seen = new Array<Seen>(total);
    let done = 0;
    await sideBySide(total, AT_ONCE, async (i) => {
      seen[i] = await look(decoder, resolve(files.root, files.paths[i]!));
      progress('checking photos', ++done, total);
    });
    return reportOf(files, seen, { path, ...(list !== undefined && { list }) });
  },
};

/** Opens one photo to the last pixel: strictly first, so that one that was read with difficulty is told from a sound one. */
async function look(decoder: Decoder, path: string): Promise<Seen> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => { throw inputError(path, `it can not be read (${error.code})`, {}, { cause: error }); });
  const hash = createHash('sha256').update(bytes).digest('base64');
  try {
    const description = await decoder.describe(bytes);
    let photo: Photo, doubtful: string | undefined;
    try {
      photo = await decoder.decode(bytes, 'stored', true);
    } catch (error) {
      if (!(error instanceof DamagedPhoto)) throw error;
      doubtful = error.message;
      photo = await decoder.decode(bytes, 'stored');
    }
    const thumb = new Uint8Array(3 * THUMB * THUMB);
    await prepare(photo, THUMBNAIL, thumb, 0);
    return { hash, description: { ...description, width: photo.width, height: photo.height }, thumb, ...(doubtful !== undefined && { doubtful }) };
  } catch (error) {
    if (!(error instanceof DamagedPhoto)) throw error;
    return { hash, damaged: error.message };
  }
}

function reportOf(files: ImageFiles, seen: readonly Seen[], place: { readonly path: string; readonly list?: string }): SurveyReport {
  const { paths, labels, classes, classNames, others, empty } = files;
  const known = seen.flatMap(({ description }) => description ?? []);
  const found = (kind: 'damaged' | 'doubtful'): Finding[] => seen.flatMap((one, i) => (one[kind] === undefined ? [] : [{ path: paths[i]!, why: one[kind] }]));
  const tally = new Array<number>(classes).fill(0);
  for (const label of labels) tally[label]!++;
  const damaged = found('damaged'), equal = equalFiles(seen), alike = alikeFiles(seen, equal);
  const short = known.map(({ width, height }) => Math.min(width, height));
  const names = (groups: readonly number[][]) => groups.map((group) => group.map((i) => paths[i]!));
  return {
    photos: paths.length,
    classes: tally.map((photos, label) => ({ label, photos, ...(classNames && { name: classNames[label]! }) })),
    formats: counts(known.map(({ format }) => [format])),
    peculiar: counts(known.map(peculiarities)),
    ...(known.length && { sizes: { width: spread(known.map(({ width }) => width)), height: spread(known.map(({ height }) => height)), short: spread(short) } }),
    below: USUAL.map((resolution) => ({ resolution, photos: short.filter((side) => side < resolution).length })),
    equal: names(equal), alike: names(alike), damaged, doubtful: found('doubtful'),
    others: Object.fromEntries(others),
    advice: adviceOf(files, damaged.length, tally, equal, empty),
    node: { type: 'data/image-folder', config: { ...place, resolution: usualResolution(short), ...(damaged.length > TOLERATED * paths.length && { damaged: Math.ceil((100 * damaged.length) / paths.length) / 100 }) } },
  };
}

const peculiarities = ({ space, deep, transparent, turned, profiled }: Description): string[] =>
  [space === 'b-w' || space === 'grey16' ? 'grey' : space === 'cmyk' ? 'CMYK' : '', deep ? '16 bits' : '', transparent ? 'transparent' : '', turned ? 'turned by EXIF' : '', profiled ? 'colour profile' : ''].filter(Boolean);

function counts(kinds: readonly (readonly string[])[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const kind of kinds.flat()) found[kind] = (found[kind] ?? 0) + 1;
  return found;
}

function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return { min: sorted[0]!, median: sorted[sorted.length >> 1]!, max: sorted.at(-1)! };
}

/** The largest usual resolution that nine in ten photos have. */
function usualResolution(short: readonly number[]): number {
  return USUAL.findLast((resolution) => short.filter((side) => side >= resolution).length >= 0.9 * short.length) ?? USUAL[0]!;
}

const equalFiles = (seen: readonly Seen[]): number[][] => [...indicesBy(seen.map(({ hash }) => hash)).values()].filter(({ length }) => length > 1);

/** Of equal files only the first takes part: the rest is known. */
function alikeFiles(seen: readonly Seen[], equal: readonly number[][]): number[][] {
  const repeated = new Set(equal.flatMap(([, ...others]) => others)), alike = createLookAlikes();
  for (const [i, { thumb }] of seen.entries()) if (thumb && !repeated.has(i)) alike.add(i, thumb);
  return alike.groups();
}

/** What a graph does with all that, and what it will not like. */
function adviceOf({ paths, labels, classes, classNames }: ImageFiles, damaged: number, tally: readonly number[], equal: readonly number[][], empty: readonly string[]): string[] {
  const advice: string[] = [], total = paths.length, per = (part: number) => `${Number((100 * part / total).toPrecision(2))} %`;
  advice.push(`data/image-folder reads ${total - damaged} photos with labels 0 to ${classes - 1}, crops the square of the short side and resizes it`);
  if (damaged > TOLERATED * total) advice.push(`it refuses ${per(damaged)} of damaged photos, as "damaged" is ${TOLERATED} unless you say otherwise: remove them, or raise it`);
  else if (damaged) advice.push(`it leaves the damaged ones out (${per(damaged)}) and says so`);
  const without = tally.flatMap((photos, label) => (photos ? [] : [label]));
  if (without.length) advice.push(`labels without a photo: ${without.slice(0, 10).join(', ')}${without.length > 10 ? ', …' : ''}`);
  if (empty.length) advice.push(`sub-folders without photos are no classes: ${empty.slice(0, 10).join(', ')}${empty.length > 10 ? ', …' : ''}`);
  const across = equal.filter((group) => new Set(group.map((i) => labels[i])).size > 1).length;
  if (across) advice.push(`${across} group${across > 1 ? 's' : ''} of equal files ${across > 1 ? 'lie' : 'lies'} in more than one class`);
  if (classes === 1 && !classNames) advice.push('all photos are of one class: no class-conditional graph can be trained on them');
  return advice;
}
