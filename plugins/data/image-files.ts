/** @file The photos of a folder and their labels: from sub-folders, from a list file, or one class for all. Nothing is opened here. */
import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { inputError } from '../../engine/index.js';

/** By their endings; what a file holds is looked at when it is opened. */
const PHOTO = /\.(jpe?g|jpe|png|webp)$/i;
/** More classes than that are a mistake in a list. */
const MOST_CLASSES = 1_000_000;
const NAMED = 3;
/** How many lines of a list are looked for. */
const TRIED = 10;

export interface ImageFiles {
  /** What the paths are relative to. */
  readonly root: string;
  readonly paths: readonly string[];
  readonly labels: Int32Array;
  /** Number of classes: of sub-folders, or the largest label of a list plus 1, unless more were asked for. */
  readonly classes: number;
  /** The names of sub-folders by label, where every label is one. */
  readonly classNames?: readonly string[];
  /** Files that are no photos by their ending, counted by it. */
  readonly others: ReadonlyMap<string, number>;
  /** Sub-folders without photos: no classes. */
  readonly empty: readonly string[];
}

/** By code units: the order of Python's `sorted`, which published data sets were labelled by, but for letters beyond U+D7FF. */
const byName = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * The photos that a node's `path` and `list` mean, in a fixed order: sub-folders by name and in each the folders and files by name, or the list's lines.
 * Throws an InputError where there are none, where photos lie beside class folders, and for a list that can't be read.
 */
export async function listImages(path: string, list?: string, classes?: number): Promise<ImageFiles> {
  const there = await stat(path).catch(() => undefined);
  if (!there) throw inputError(path, 'there is no such folder; one of photos (JPEG, PNG, WebP) is wanted', { try: '--set NODE.config.path=FOLDER' });
  if (!there.isDirectory()) throw inputError(path, 'it is a file; a folder of photos is wanted', { try: dirname(path) });
  const found = list === undefined ? await fromFolders(path) : await fromList(path, list);
  if (classes !== undefined && found.classes > classes) {
    throw inputError(list ?? path, list === undefined ? `it has ${found.classes} sub-folders with photos; at most ${classes} classes are wanted` : `its largest label is ${found.classes - 1}; labels below ${classes} are wanted`,
      { try: '"classes" in the node\'s config' });
  }
  return { ...found, classes: classes ?? found.classes };
}

async function fromFolders(root: string): Promise<ImageFiles> {
  const others = new Map<string, number>(), empty: string[] = [], paths: string[] = [], labels: number[] = [], classNames: string[] = [];
  const own = await readFolder(root, '', others);
  const within: string[] = [];
  for (const folder of own.folders) {
    const photos = await walk(root, folder, others, [await realpath(root)]);
    if (!photos.length) { empty.push(folder); continue; }
    within.push(folder);
    for (const photo of photos) { paths.push(photo); labels.push(classNames.length); }
    classNames.push(folder);
  }
  if (own.photos.length && paths.length) {
    throw inputError(root, `it has ${own.photos.length} photos of its own (${own.photos.slice(0, NAMED).join(', ')}) beside sub-folders with photos (${within.slice(0, NAMED).join(', ')}): are they one class or many?`,
      { try: 'photos in sub-folders only, or a "list" of lines "path label"' });
  }
  if (own.photos.length) return { root, paths: own.photos, labels: new Int32Array(own.photos.length), classes: 1, others, empty };
  if (!paths.length) throw inputError(root, 'it holds no photos (.jpg, .jpeg, .png, .webp), nor do its sub-folders', others.size ? { because: [`it holds other files: ${tally(others)}`, ...meant(others)] } : {});
  return { root, paths, labels: Int32Array.from(labels), classes: classNames.length, classNames, others, empty };
}

/** `.gif (12), .txt (1)`. */
export const tally = (counts: ReadonlyMap<string, number>): string => [...counts].sort(([, a], [, b]) => b - a).map(([name, count]) => `${name} (${count})`).join(', ');

/** Which loader reads what lies there instead. */
function meant(others: ReadonlyMap<string, number>): string[] {
  if (others.has('.bin')) return ['data/cifar reads CIFAR\'s .bin batches'];
  return others.has('.gz') ? ['data/idx reads IDX files (MNIST)'] : [];
}

interface Folder { readonly photos: readonly string[]; readonly folders: readonly string[] }

/** One folder's photos and sub-folders by name; links are followed, hidden names are not. */
async function readFolder(root: string, at: string, others: Map<string, number>): Promise<Folder> {
  const photos: string[] = [], folders: string[] = [];
  const entries = await readdir(join(root, at), { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw inputError(join(root, at), `the folder can not be read (${error.code})`, {}, { cause: error });
  });
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    const path = at ? `${at}/${entry.name}` : entry.name;
    const folder = entry.isDirectory() || (entry.isSymbolicLink() && await stat(join(root, path)).then((target) => target.isDirectory(), () => false));
    if (folder) folders.push(path);
    else if (PHOTO.test(entry.name)) photos.push(path);
    else {
      const ending = /\.[^.]+$/.exec(entry.name)?.[0].toLowerCase() ?? 'without ending';
      others.set(ending, (others.get(ending) ?? 0) + 1);
    }
  }
  return { photos: photos.sort(byName), folders: folders.sort(byName) };
}

/** All photos below a folder: its own, then those of its folders. `above`: the real paths of the folders above, so that a link in a circle is found. */
async function walk(root: string, at: string, others: Map<string, number>, above: readonly string[]): Promise<string[]> {
  const real = await realpath(join(root, at));
  if (above.includes(real)) throw inputError(join(root, at), `it links to ${real}, which it lies in: the folder has no end`);
  const { photos, folders } = await readFolder(root, at, others);
  const all = [...photos];
  for (const folder of folders) for (const photo of await walk(root, folder, others, [...above, real])) all.push(photo);
  return all;
}

/** A list of lines `path label`; paths are relative to the node's `path` or to the list's own folder, whichever has one of the first few. */
async function fromList(path: string, list: string): Promise<ImageFiles> {
  const text = await readFile(list, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw inputError(list, error.code === 'ENOENT' ? 'there is no such list file' : `it can not be read (${error.code})`, {}, { cause: error });
  });
  const paths: string[] = [], labels: number[] = [];
  for (const [i, line] of text.split('\n').entries()) {
    if (!line.trim()) continue;
    const [, file, label] = /^(.*\S)\s+(\d+)\s*$/.exec(line) ?? [];
    if (file === undefined) throw inputError(`${list}:${i + 1}`, `${JSON.stringify(line.trim().slice(0, 80))} is no line "path label" with a label of 0 or more`);
    if (Number(label) >= MOST_CLASSES) throw inputError(`${list}:${i + 1}`, `label ${label} is no class: labels count from 0`);
    paths.push(file.trim());
    labels.push(Number(label));
  }
  if (!paths.length) throw inputError(list, 'it lists no images; lines "path label" are wanted');
  const roots = [path, dirname(list)];
  const root = await holding(roots, paths.slice(0, TRIED));
  if (root === undefined) throw inputError(list, `its first image, ${paths[0]}, is neither in ${roots.join(' nor in ')}`, { try: 'the folder that its paths are relative to as "path"' });
  const classNames = namesByLabel(paths, labels);
  return { root, paths, labels: Int32Array.from(labels), classes: labels.reduce((a, b) => Math.max(a, b), 0) + 1, ...(classNames && { classNames }), others: new Map(), empty: [] };
}

/** The first folder that holds one of the files. */
async function holding(folders: readonly string[], files: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) for (const file of files) if (await stat(resolve(folder, file)).then((entry) => entry.isFile(), () => false)) return folder;
  return undefined;
}

/** The folder that all images of a label lie in, if every label has one of its own. */
function namesByLabel(paths: readonly string[], labels: readonly number[]): string[] | undefined {
  const names: string[] = [];
  for (const [i, path] of paths.entries()) {
    const folder = basename(dirname(path));
    names[labels[i]!] ??= folder;
    if (names[labels[i]!] !== folder) return undefined;
  }
  const known = Object.keys(names).length;
  return known === names.length && new Set(names).size === known ? names : undefined;
}
