/** @file Diversity sheets: of a large sample of each of several runs, and of real images, those that one classifier scores highest for a class, in order. */
import { basename } from 'node:path';
import { keyedRandom } from '../session/keyed-random.js';
import { highest } from '../spec/indices.js';
import { inputError } from '../spec/issue.js';
import { rankedGrid, type ImageGrid, type Ranked } from '../spec/picture.js';
import { elements, tensor, type TensorValue } from '../spec/value.js';
import type { Extractor } from '../training/extractor.js';
import { rows } from '../training/networks.js';
import type { Dataset } from '../training/values.js';
import { ask } from './ask.js';
import type { Engine } from './engine.js';
import { drawsOf } from './evaluation.js';
import { extractorOf } from './extractors.js';
import { judgeSamples, type Judge } from './judge.js';
import { readRun, referencesOf, type Run } from './read-run.js';

export interface DiversityOptions {
  /** Settings of the classifier: `{ model: 'cifar10-resnet56' }`, as a node's config. */
  readonly classifier: object;
  /** Classes by their index among the scores. All, unless given. */
  readonly classes?: readonly number[] | undefined;
  /** Images in a row, and images that they are the best of. */
  readonly count: number;
  readonly of: number;
  readonly seed: number;
  /** Images in one call of a generator. */
  readonly batch: number;
  readonly signal?: AbortSignal | undefined;
}

/** The rows of one class: one for each run and one of real images, each with its images in order and their scores. */
export interface DiversitySheet { readonly label: number; readonly name: string; readonly rows: readonly Ranked[] }

/** Real images that are read at once. */
const SLICE = 256;

/** Samples the runs at `paths` and the data of the first of them. Throws an InputError for what is not there or does not fit. */
export async function diversity(engine: Engine, paths: readonly string[], options: DiversityOptions): Promise<readonly DiversitySheet[]> {
  const closing: (() => Promise<void> | void)[] = [], { services } = engine, { of, count, seed, signal } = options;
  try {
    const { type, settings } = extractorOf(engine, { score: true, ...options.classifier }, '--classifier'), classifier = await type.open(services, settings);
    closing.push(classifier.close);
    const runs: Run[] = [];
    for (const path of paths) {
      const run = await readRun(engine, path);
      closing.push(run.generator.close);
      runs.push(run);
    }
    const [first] = runs, odd = runs.find(({ generator }) => String(generator.networks.image) !== String(first!.generator.networks.image));
    if (odd) throw inputError(odd.path, `its images are ${odd.generator.networks.image.join(' x ')}, those of ${first!.path} ${first!.generator.networks.image.join(' x ')}`);
    if (first!.generator.networks.image.length !== 3) throw inputError(first!.path, 'it makes points, not images');
    const held = await ask(engine, first!.loaded, { dataset: referencesOf(first!).dataset! }, signal ? { signal } : {});
    closing.push(held.close);
    const dataset = held.values.dataset as Dataset, labels = chosen(options.classes, classifier.classes ?? 0);

    const named: { readonly name: string; readonly kept: Kept }[] = [], nameOf = names(paths);
    for (const run of runs) {
      const kept = createKept(labels, count, of, (done) => services.progress(`samples of ${run.path}`, done, of)), draws = await drawsOf(engine, run, options, closing);
      await judgeSamples(run.path, run.generator, draws, { ...options, note: services.note }, kept, { extractor: classifier, classifier });
      named.push({ name: nameOf.get(run.path)!, kept });
    }
    named.push({ name: 'real', kept: await ofDataset(dataset, classifier, labels) });
    return labels.map((label, at) => ({ label, name: dataset.classes === classifier.classes ? dataset.classNames?.[label] ?? '' : '', rows: named.map(({ name, kept }) => ({ name, ...kept.rows(at) })) }));
  } finally {
    for (const close of closing.reverse()) await close();
  }

  async function ofDataset(dataset: Dataset, { extract }: Extractor, labels: readonly number[]): Promise<Kept> {
    const indices = keyedRandom(seed, 'diversity', 0, 'real').permutation(dataset.size).slice(0, of);
    const kept = createKept(labels, count, indices.length, (done) => services.progress('real images', done, indices.length));
    for (let from = 0; from < indices.length; from += SLICE) {
      signal?.throwIfAborted();
      const { image } = await dataset.read(indices.subarray(from, from + SLICE));
      await kept.add({ ...await extract(image, signal ? { signal } : {}), image });
    }
    return kept;
  }
}

/** Rows as a picture: a caption says whose they are, and the highest and the lowest score. */
export const sheetOf = ({ label, name, rows }: DiversitySheet, { count, of }: Pick<DiversityOptions, 'count' | 'of'>): ImageGrid =>
  rankedGrid(`class ${label}${name && ` (${name})`}: the ${count} of ${of} images that score highest, in order`, rows, count);

/** Runs by the last part of their paths, or by all of them where that does not tell them apart. */
function names(paths: readonly string[]): ReadonlyMap<string, string> {
  const last = paths.map((path) => basename(path)), apart = new Set(last).size === new Set(paths).size;
  return new Map(paths.map((path, i) => [path, apart ? last[i]! : path]));
}

function chosen(classes: readonly number[] | undefined, width: number): readonly number[] {
  const stray = classes?.find((label) => label >= width);
  if (stray !== undefined) throw inputError('--classes', `there is no class ${stray}; the classifier has 0 to ${width - 1}`);
  return classes ?? Array.from({ length: width }, (_, label) => label);
}

/** What is kept of images as they come: for each class the best so far. */
interface Kept extends Judge { rows(at: number): Omit<Ranked, 'name'> }

function createKept(labels: readonly number[], count: number, of: number, progress: (done: number) => void): Kept {
  const best = labels.map((): { readonly score: number; readonly image: Float32Array }[] => []);
  let within = 0, size: readonly number[] = [];
  return {
    at: () => ({ set: 0, within }),
    room: () => of - within,
    numbers: () => [],
    async add({ image, score }) {
      const [n = 0, k = 0] = score!.dims;
      size = image!.dims.slice(1);
      labels.forEach((label, at) => {
        const own = Float32Array.from({ length: n }, (_, i) => score!.data[i * k + label] as number);
        // A copy: what is kept must not keep its batch alive. Those that came before go first among equals.
        const more = highest(own, count).map((i) => ({ score: own[i]!, image: (rows(image!, i, i + 1).data as Float32Array).slice() })), all = [...best[at]!, ...more];
        best[at] = highest(all.map((one) => one.score), count).map((i) => all[i]!);
      });
      within += n;
      progress(within);
    },
    rows(at) {
      const each = elements(size), images = new Float32Array(count * each);
      best[at]!.forEach(({ image }, i) => { images.set(image, i * each); });
      return { images: tensor('f32', [count, ...size], images), scores: best[at]!.map(({ score }) => score) };
    },
  };
}
