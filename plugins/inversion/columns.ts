/** @file What both pictures of reconstructions share: inputs by names of the graph's own, and which labels are shown. */
import { z } from 'zod';
import { indicesBy } from '../../engine/index.js';

/** What a node's own ports are called. */
export const TAKEN = ['image', 'target', 'label'];

/** Names of reconstructions, each an input. */
export const namesConfig = z.array(z.string().regex(/^[A-Za-z_][\w-]*$/).refine((name) => !TAKEN.includes(name), 'is the name of another input'))
  .min(1).refine((names) => new Set(names).size === names.length, 'no name comes twice').describe('what the reconstructions are called, each an input of that name, in the order in which they are drawn');

/** Rows by their labels, those of the smallest label first. */
export const rowsByLabel = (labels: BigInt64Array): readonly (readonly [label: number, members: readonly number[]])[] =>
  [...indicesBy(labels)].map(([label, members]) => [Number(label), members] as const).sort(([a], [b]) => a - b);
