/** @file What every search for neighbours does around the search: once for each set of vectors, and from the store if it was done before. */
import { z } from 'zod';
import { inputError, transient, unitVectors, type Behaviour, type Features, type Metrics, type Neighbours, type UnitVectors, type Value, type WaveContext } from '../../engine/index.js';
import { report } from './report.js';
import { alone, folderOf, readLists, writeLists, type Found, type Search } from './store.js';

/** What every search is told. */
export const searchOptions = {
  k: z.int().min(1).default(50).describe('neighbours of each instance'),
  memory: z.int().min(64).default(1024).describe('megabytes for vectors, blocks and products; the lists themselves come on top'),
};

/** A quarter of the memory keeps vectors at hand, half of it is the search's; the rest goes to copies on their way. */
export const SHARE = { vectors: 1 / 4, search: 1 / 2 };

export interface Order {
  readonly vectors: UnitVectors;
  readonly k: number;
  /** Bytes that the search may take. */
  readonly memory: number;
  readonly features: Features;
  /** The folder of the lists in the store. */
  readonly folder: string;
}

export const ports = {
  inputs: { features: { latest: '@features[M,F]' } },
  outputs: { neighbours: '@neighbours[M,F]', metrics: '@metrics' },
} as const;

/** Kept in checkpoints: the vectors whose metrics have been reported. A resumed run gives their neighbours again, but does not report on them again. */
export interface State { readonly reported?: string }
interface Outputs { readonly neighbours: Value; readonly metrics?: Value }

/** The behaviour of a node that seeks neighbours by `seek`; `search` says all that lists depend on beside the vectors. */
export function seeking(
  { k, memory }: { readonly k: number; readonly memory: number }, search: Search, seek: (order: Order, wave: WaveContext) => Promise<Found>,
): Behaviour<State, { readonly features: Value }, Outputs> {
  let last: string | undefined;
  return {
    state: {},
    async step(state, inputs, wave) {
      const features = inputs.features as Features, { node, services, signal } = wave;
      if (features.key === last) return { state, outputs: {} };
      if (k > features.size - 1) {
        throw inputError(`nodes.${node}.config.k`, `${k} neighbours are wanted of each of ${features.size} images; there are ${features.size - 1} others`, { try: `${features.size - 1} or less` });
      }
      const folder = folderOf(services, features, search);
      const found = await alone(folder, wave, async () => {
        const known = await readLists(folder, features, k);
        if (known) {
          services.note(`${node}: reuses the ${k} neighbours of ${features.size} vectors: vectors and search are the same (${folder})`);
          return known;
        }
        const bytes = memory * 2 ** 20, vectors = await unitVectors(features, bytes * SHARE.vectors, `nodes.${node}.in.features`, signal);
        const made = await seek({ vectors, features, k, memory: bytes * SHARE.search, folder }, wave);
        await writeLists(folder, features, search, made);
        return made;
      });
      const { index, distance, measured } = found, neighbours: Neighbours = { [transient]: true, features, k, index, distance };
      last = features.key;
      if (state.reported === features.key) return { state, outputs: { neighbours } };
      return { state: { reported: features.key }, outputs: { neighbours, metrics: { ...(await report(features, found)), ...measured } satisfies Metrics } };
    },
  };
}
