/** @file Values of a graph without its run: the nodes that they depend on are started and step once, and stay open until whoever asked is done. */
import { z } from 'zod';
import { compose } from '../dataflow/compose.js';
import type { Graph } from '../dataflow/graph.js';
import { defineNode, type NodeType, type PortType } from '../dataflow/node.js';
import type { Plan } from '../dataflow/plan.js';
import { run } from '../dataflow/run.js';
import type { Value } from '../spec/value.js';
import type { Engine, Loaded } from './engine.js';

export interface Held {
  /** By the names that they were asked for under. */
  readonly values: Readonly<Record<string, Value>>;
  /** Closes the nodes: values that live in files are gone. */
  close(): Promise<void>;
}

/** The part of a graph that `ids` depend on, themselves included. */
export function upstream({ nodes, ...rest }: Graph, ids: readonly string[]): Graph {
  const kept = new Set<string>();
  const keep = (id: string): void => {
    if (kept.has(id)) return;
    kept.add(id);
    for (const reference of Object.values(nodes[id]?.in ?? {})) keep(reference.slice(0, reference.indexOf('.')));
  };
  for (const id of ids) keep(id);
  return { ...rest, nodes: Object.fromEntries(Object.entries(nodes).filter(([id]) => kept.has(id))) };
}

/** The output of a given opaque type that a node reads, itself or through those before it; the nearest one. */
export function sourceOf(plan: Plan, id: string, type: string): string | undefined {
  const seen = new Set<string>();
  for (let level = [id]; level.length; ) {
    const edges = level.flatMap((name) => plan.nodes.find((node) => node.id === name)?.edges ?? []);
    const found = edges.find((edge) => edge.type.replace(/\[.*$/, '') === type);
    if (found) return `${found.from}.${found.output}`;
    level = [...new Set(edges.map((edge) => edge.from))].filter((name) => !seen.has(name));
    for (const name of level) seen.add(name);
  }
  return undefined;
}

/**
 * Asks a graph for outputs (`{ dataset: 'data.dataset' }`), which must come in the first wave. Throws what composing or a node fails with.
 */
export async function ask(engine: Engine, loaded: Loaded, wanted: Readonly<Record<string, string>>, { signal }: { readonly signal?: AbortSignal } = {}): Promise<Held> {
  const plan = await engine.compose(loaded), graph = upstream(loaded.graph, Object.values(wanted).map((reference) => reference.slice(0, reference.indexOf('.'))));
  const typeOf = (reference: string): PortType => {
    const [node, port] = reference.split('.') as [string, string];
    return plan.nodes.find(({ id }) => id === node)!.outputs[port]!;
  };
  let opened = (_values: Held['values']) => {}, close = () => {};
  const values = new Promise<Held['values']>((resolve) => { opened = resolve; }), closed = new Promise<void>((resolve) => { close = resolve; });
  const asker = defineNode({
    name: 'run/ask', about: 'Holds what was asked for.', config: z.strictObject({}),
    inputs: Object.fromEntries(Object.entries(wanted).map(([name, reference]) => [name, { latest: typeOf(reference) }])), outputs: {},
    start: () => ({
      state: null,
      async step(state, inputs) {
        opened(inputs as Held['values']);
        await closed;
        return { state, outputs: {} };
      },
    }),
  }) as NodeType;
  const asked: Graph = { ...graph, waves: 1, nodes: { ...graph.nodes, ' asker': { type: asker, in: wanted } } };
  const { done } = run(await compose(asked, engine.types, engine.services), { waves: 1, prefetch: 1, services: engine.services, ...(signal && { signal }) });
  // Without a value the asker never steps, which the run's end says.
  return { values: await Promise.race([values, done.then(() => { throw new Error('the graph gave no values'); })]), close: async () => { close(); await done; } };
}
