/** @file Where two graphs differ. */
import type { Graph } from '../../engine/dataflow/graph.js';

/** Paths at which two graphs' nodes differ; a node that one of them lacks is one difference. */
export function differences(a: unknown, b: unknown, at: readonly string[] = []): string[] {
  const parts = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!parts(a) || !parts(b)) return JSON.stringify(a) === JSON.stringify(b) ? [] : [at.join('.')];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((key) => differences(a[key], b[key], [...at, key])).sort();
}

/** The nodes of a graph, each with a configuration. */
export const configured = ({ nodes }: Graph) => Object.fromEntries(Object.entries(nodes).map(([id, node]) => [id, { config: {}, ...node }]));
