/** @file `metrics/instance-similarity`: whether images made for an instance look like that instance's neighbourhood. */
import { z } from 'zod';
import { defineNode, fetched, inputError, turns, type Features, type Metrics, type Neighbours, type Random, type TensorValue } from '../../engine/index.js';

export interface SimilarityOptions {
  readonly neighbours: Pick<Neighbours, 'k' | 'index'>;
  /** The vectors that similarity is measured in: of the instances' data set, by the extractor that saw the images. */
  readonly features: Pick<Features, 'read' | 'size' | 'width'>;
  readonly signal?: AbortSignal | undefined;
}
export interface SimilaritySum {
  /** Adds generated features f32[n,F], the instance that each was made for, and an independent one: what the similarity is worth. */
  add(fake: TensorValue, instances: Int32Array, others: Int32Array): Promise<void>;
  /** The mean cosine with the neighbours of the own instance, and with those of the independent one; and how often the own neighbourhood is the nearer. */
  finish(): Metrics;
}

/** Neighbourhoods that are remembered. */
const KNOWN = 4096;

export function createSimilarity({ neighbours: { k, index }, features: { read, size, width }, signal }: SimilarityOptions): SimilaritySum {
  const turn = turns(signal);
  /** The mean of a neighbourhood's unit vectors: its product with a unit vector is the mean cosine. */
  const directions = new Map<number, Float64Array>();
  const directionOf = async (instance: number): Promise<Float64Array> => {
    const known = directions.get(instance);
    if (known) return known;
    if (!(instance >= 0 && instance < size)) throw inputError('similarity', `instance ${instance} is none of ${size}`);
    const near = (await read(index.subarray(instance * k, (instance + 1) * k))).data as Float32Array, direction = new Float64Array(width);
    for (let from = 0; from < near.length; from += width) {
      const length = norm(near, from, width) * k;
      if (length > 0) for (let i = 0; i < width; i++) direction[i]! += near[from + i]! / length;
    }
    if (directions.size < KNOWN) directions.set(instance, direction);
    return direction;
  };
  let count = 0, own = 0, other = 0, nearer = 0;
  return {
    async add({ dims: [rows = 0, columns = 0], data }, instances, others) {
      if (columns !== width) throw inputError('similarity', `generated features are ${columns} numbers wide, those of the data set ${width}: they come from different extractors`);
      if (instances.length !== rows) throw inputError('similarity', `there are ${rows} images and ${instances.length} instances`);
      const values = data as Float32Array;
      for (let i = 0; i < rows; i++, count++) {
        const length = norm(values, i * width, width);
        if (!Number.isFinite(length)) throw inputError('similarity', `the features of image ${count} hold something that is no finite number`);
        const cosine = (direction: Float64Array) => {
          let sum = 0;
          for (let c = 0; c < width; c++) sum += values[i * width + c]! * direction[c]!;
          return length > 0 ? sum / length : 0;
        };
        const mine = cosine(await directionOf(instances[i]!)), random = cosine(await directionOf(others[i]!));
        own += mine;
        other += random;
        if (mine > random) nearer++;
        await turn();
      }
    },
    finish() {
      if (count === 0) throw inputError('similarity', 'there are no images');
      return { similarity_own: own / count, similarity_other: other / count, own_is_nearer: nearer / count };
    },
  };
}

/** For each instance a uniformly random other one of a data set of `size`. */
export function othersOf(instances: Int32Array, size: number, random: Random): Int32Array {
  return apart(instances, skips(instances.length, size, random));
}

/** Draws of other instances before the own ones are known, for `apart`. */
export function skips(count: number, size: number, random: Random): Int32Array {
  if (size < 2) throw inputError('similarity', `there are ${size} instances; an independent one wants two at least`);
  return random.integers(count, size - 1);
}

/** Draws among all instances but the own one. */
export const apart = (instances: Int32Array, drawn: Int32Array): Int32Array => drawn.map((other, i) => (other >= instances[i]! ? other + 1 : other));

function norm(values: Float32Array, from: number, width: number): number {
  let sum = 0;
  for (let i = from; i < from + width; i++) sum += values[i]! * values[i]!;
  return Math.sqrt(sum);
}

export const similarity = defineNode({
  name: 'metrics/instance-similarity',
  about: 'Mean cosine of generated images with the neighbourhood of their own instance, beside that of an independent instance, in any extractor\'s features.',
  config: z.strictObject({}),
  inputs: {
    fake: 'f32[N,F]', index: 'i64[N]', neighbours: { latest: '@neighbours[M,E]' },
    // The vectors that neighbours were found in, unless the images were judged by another extractor.
    'features?': { latest: '@features[M,F]' },
  },
  outputs: { metrics: '@metrics' },
  start: () => ({
    state: {},
    async step(state, inputs, { services, random, signal }) {
      const neighbours = inputs.neighbours as Neighbours, features = (inputs.features as Features | undefined) ?? neighbours.features;
      const instances = Int32Array.from((await fetched(services, inputs.index)).data as BigInt64Array, Number);
      const others = othersOf(instances, features.size, random('other instances'));
      const sum = createSimilarity({ neighbours, features, signal });
      await sum.add(await fetched(services, inputs.fake), instances, others);
      return { state, outputs: { metrics: sum.finish() } };
    },
  }),
});
