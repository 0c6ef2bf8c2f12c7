/** @file The resolved graph: every default filled in, so that it means the same tomorrow. A run keeps it; its hash ties checkpoints to it. */
import { createHash } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import type { Graph } from '../dataflow/graph.js';
import { FORMAT } from '../dataflow/graph.js';
import type { Plan } from '../dataflow/plan.js';
import { isFile } from './discover.js';

/** `file` is where the graph was read; plugins that are local files are named by their whole path. */
export function resolvedGraph(graph: Graph, plan: Plan, seed: number, file: string | undefined): Graph {
  const folder = file ? dirname(file) : '.';
  const nodes = Object.entries(graph.nodes).map(([id, node]) => {
    const planned = plan.nodes.find((one) => one.id === id)!;
    return [id, { type: planned.type.name, version: planned.type.version ?? 1, config: planned.config, ...(node.in && { in: node.in }) }] as const;
  });
  return {
    gantry: FORMAT, ...(graph.about && { about: graph.about }),
    ...(graph.plugins?.length && { plugins: graph.plugins.map((name) => (isFile(name) ? resolve(folder, name) : name)) }),
    ...(graph.waves !== undefined && { waves: graph.waves }), seed, ...(graph.prefetch !== undefined && { prefetch: graph.prefetch }),
    nodes: Object.fromEntries(nodes),
  };
}

/** What determines a run's numbers, and nothing else: nodes and seed. Length, prefetch and prose may change between a stop and a resume. */
const essence = ({ seed, nodes }: Graph): object => ({ seed, nodes });

export const hashGraph = (graph: Graph): string => createHash('sha256').update(JSON.stringify(ordered(essence(graph)))).digest('hex');

/** Where two resolved graphs differ, in the spelling of `--set`: `nodes.train.config.optimiser.lr: 0.001 there, 0.002 here`. */
export function differences(there: Graph, here: Graph): readonly string[] {
  const found: string[] = [];
  const walk = (a: unknown, b: unknown, at: string): void => {
    if (isRecord(a) && isRecord(b)) {
      for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) walk(a[key], b[key], at ? `${at}.${key}` : key);
    } else if (JSON.stringify(a) !== JSON.stringify(b)) {
      found.push(`${at}: ${spell(a)} there, ${spell(b)} here`);
    }
  };
  // Through JSON, as the graph of a run directory came: what is undefined is absent.
  walk(plain(essence(there)), plain(essence(here)), '');
  return found;
}

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const spell = (value: unknown): string => (value === undefined ? 'absent' : JSON.stringify(value));
const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);

function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, ordered(inner)]));
}
