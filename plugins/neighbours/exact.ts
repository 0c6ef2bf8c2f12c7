/** @file `neighbours/exact`: the nearest others of every vector, all pairs compared. */
import { z } from 'zod';
import { defineNode } from '../../engine/index.js';
import { searchExactly } from './exact-search.js';
import { ports, searchOptions, seeking } from './neighbours-node.js';

export const exact = defineNode({
  name: 'neighbours/exact',
  about: 'The k nearest others of every vector, by Euclidean distance between vectors of length 1, all pairs compared; found once, then in the store. Equals go by index.',
  config: z.strictObject(searchOptions),
  ...ports,
  start: (options) =>
    seeking(options, { search: 'exact', k: options.k }, async ({ vectors, k, memory }, { node, services, signal }) => {
      const what = `${node}: ${k} neighbours of ${vectors.size} vectors`;
      const { doubtful: _, ...lists } = await searchExactly(services.host, vectors, { k, memory, signal, progress: (done, total) => services.progress(what, done, total) });
      return { ...lists, measured: {} };
    }),
});
