/** @file The metrics as parts, for `gantry evaluate`: the real side is read once, generated sets come in batches. */
import { inputError, rows, rowsAt, tensor, type Features, type Judged, type JudgedSet, type Judging, type Metric, type Metrics, type OpenMetric, type Resident, type TensorValue } from '../../engine/index.js';
import { frechetDistance } from './frechet.js';
import { apart, createSimilarity, skips } from './instance-similarity.js';
import { createMoments, type Moments } from './moments.js';
import { createPrdc } from './prdc.js';
import { createScore } from './score-of-classifier.js';
import { STRATA, strataOf } from './strata.js';

/** Real vectors read at once. */
const SLICE = 512;
/** Images on each side of precision and recall, as published: more cost time and change their scale. */
const MOST = 10_000;
const K = 5;
const SPLITS = 10;

async function* slices(real: Features, indices: Int32Array, { services: { progress }, signal }: Judging, what: string): AsyncGenerator<TensorValue> {
  for (let from = 0; from < indices.length; from += SLICE) {
    signal?.throwIfAborted();
    yield await real.read(indices.subarray(from, from + SLICE));
    progress(what, Math.min(indices.length, from + SLICE), indices.length);
  }
}

/** A part of the images: all, or the classes of one stratum. `suffix` ends the names of its numbers. */
interface Part { readonly suffix: string; readonly indices: Int32Array; of(batch: Judged): TensorValue }

/** All images, then those of each stratum of which there are `least` real ones. */
function partsOf({ real, strata }: Judging, least: number): readonly Part[] {
  const all: Part = { suffix: '', indices: Int32Array.from({ length: real.size }, (_, i) => i), of: ({ feature }) => feature };
  if (!strata) return [all];
  const groups = strataOf(strata.training, strata.borders);
  if (real.classes > groups.length) throw inputError('strata', `real images have ${real.classes} classes, the training images ${groups.length}`);
  return [all, ...STRATA.map((stratum): Part => ({
    suffix: `_${stratum}`,
    indices: all.indices.filter((i) => groups[real.labels[i]!] === stratum),
    of({ feature, label }) {
      if (!label) throw inputError('strata', 'the generated images have no classes');
      return rowsAt(feature, Array.from(label.keys()).filter((i) => groups[label[i]!] === stratum));
    },
  })).filter(({ indices }) => indices.length >= least)];
}

/** Opens a metric for every part, and judges their shares of each set. */
async function byParts(parts: readonly Part[], open: (part: Part) => Promise<OpenPart>): Promise<OpenMetric> {
  const opened: (OpenPart & { readonly part: Part })[] = [];
  const close = () => { for (const { release } of opened) release(); };
  try {
    for (const part of parts) opened.push({ ...await open(part), part });
  } catch (error) { close(); throw error; }
  return {
    close,
    begin(): JudgedSet {
      const sets = opened.map(({ begin, part }) => ({ ...begin(), part }));
      return {
        async add(batch) { for (const { add, part } of sets) await add(part.of(batch)); },
        async finish() {
          const found: Record<string, number> = {};
          for (const { finish, part } of sets) for (const [name, value] of Object.entries(await finish())) found[`${name}${part.suffix}`] = value;
          return found;
        },
      };
    },
  };
}
interface OpenPart { begin(): { add(feature: TensorValue): Promise<void>; finish(): Promise<Metrics> }; release(): void }

export const frechet: Metric = {
  name: 'frechet',
  about: 'Frechet distance to all real images (with Inception features: FID).',
  open: (judging) => byParts(partsOf(judging, 2), async ({ suffix, indices }) => {
    const { services: { host }, real, signal } = judging, sums = createMoments(host, 'features of real images');
    let truth: Moments;
    try {
      for await (const feature of slices(real, indices, judging, `moments of real images${suffix}`)) await sums.add(feature);
      truth = await sums.finish();
    } finally { sums.release(); }
    return {
      release: () => host.release([truth.covariance as Resident]),
      begin() {
        const fakes = createMoments(host, `features of generated images${suffix}`);
        let count = 0;
        return {
          async add(feature) {
            if (feature.dims[0]! > 0) await fakes.add(feature);
            count += feature.dims[0]!;
          },
          async finish(): Promise<Metrics> {
            // A stratum that was hardly drawn has no number.
            if (suffix && count < 2) { fakes.release(); return {}; }
            const found = await fakes.finish().finally(() => fakes.release());
            try { return { frechet: await frechetDistance(host, truth, found, signal) }; } finally { host.release([found.covariance as Resident]); }
          },
        };
      },
    };
  }),
};

export const prdc: Metric = {
  name: 'prdc',
  about: `Precision, recall, density and coverage, k ${K}, of at most ${MOST} images on each side.`,
  open: (judging) => byParts(partsOf(judging, K + 1), async ({ suffix, indices }) => {
    const { services: { host, progress }, real, random, signal } = judging;
    const chosen = indices.length <= MOST ? indices : random(`real images${suffix}`).permutation(indices.length).slice(0, MOST).sort().map((at) => indices[at]!);
    const held = createHold(real.width, MOST);
    for await (const feature of slices(real, chosen, judging, `reading real images${suffix}`)) held.add(feature);
    const reference = await createPrdc(host, held.all(), { k: K, signal, progress: (done, total) => progress(`distances${suffix}`, done, total) });
    return {
      release: () => reference.release(),
      begin() {
        const fakes = createHold(real.width, chosen.length);
        return {
          add: async (feature) => fakes.add(feature),
          async finish(): Promise<Metrics> {
            const all = fakes.all();
            return suffix && all.dims[0]! <= K ? {} : { ...await reference.compare(all) };
          },
        };
      },
    };
  }),
};

/** The first rows that come, up to `most`. */
function createHold(width: number, most: number): { add(feature: TensorValue): void; all(): TensorValue } {
  const parts: Float32Array[] = [];
  let count = 0;
  return {
    add(feature) {
      const [size = 0, columns = 0] = feature.dims, taken = Math.min(size, most - count);
      if (columns !== width) throw inputError('features', `they are ${columns} numbers wide, those of the real images ${width}`);
      if (taken > 0) parts.push((rows(feature, 0, taken).data as Float32Array).slice());
      count += Math.max(0, taken);
    },
    all() {
      const data = new Float32Array(count * width);
      let at = 0;
      for (const part of parts) { data.set(part, at); at += part.length; }
      return tensor('f32', [count, width], data);
    },
  };
}

export const score: Metric = {
  name: 'score',
  about: 'An Inception-like score: of the classifier that --classifier names.',
  needs: 'score',
  open: async ({ count, signal }) => ({
    close: () => {},
    begin() {
      const sum = createScore('scores of generated images', { count, splits: Math.min(SPLITS, count), scores: 'probabilities' }, signal);
      return {
        add: async ({ score: scores }) => sum.add(scores!),
        finish: async () => ({ score: sum.finish().mean }),
      };
    },
  }),
};

export const similarity: Metric = {
  name: 'similarity',
  about: 'Mean cosine of images with the neighbourhood of their own instance, and with that of an independent one.',
  needs: 'instances',
  async open({ instances, count, random, signal }) {
    const { features, neighbours } = instances!;
    let sets = 0;
    return {
      close: () => {},
      begin() {
        const sum = createSimilarity({ neighbours, features, signal }), drawn = skips(count, features.size, random(`other instances ${sets++}`));
        let done = 0;
        return {
          async add({ feature, index }) {
            await sum.add(feature, index!, apart(index!, drawn.subarray(done, done + index!.length)));
            done += index!.length;
          },
          finish: async () => sum.finish(),
        };
      },
    };
  },
};
