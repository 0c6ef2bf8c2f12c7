/** @file How the paper's cells are written down: means and standard errors over trials. */
import type { Estimate } from '../../engine/index.js';

export type Cell = readonly [mean: number, se: number];

/** Cells by metric name. */
export const paper = (cells: Readonly<Record<string, Cell>>): Readonly<Record<string, Estimate>> =>
  Object.fromEntries(Object.entries(cells).map(([metric, [mean, se]]) => [metric, { mean, se }]));

export const graph = (name: string): string => `graphs/self-conditioned-gan/${name}.json`;
