/** @file Conditions as a run's graph draws them: the nodes that its training node's condition depends on run, and nothing else of the graph. */
import { z } from 'zod';
import { compose } from '../dataflow/compose.js';
import type { Graph } from '../dataflow/graph.js';
import { defineNode, type NodeType, type PortType } from '../dataflow/node.js';
import type { Plan } from '../dataflow/plan.js';
import { run } from '../dataflow/run.js';
import type { Tensorial, TensorValue, Value } from '../spec/value.js';
import type { Method } from '../training/method.js';
import { fetched } from '../training/networks.js';
import { upstream, type Held } from './ask.js';
import type { Engine, Loaded } from './engine.js';
import { lazyHost } from './lazy-host.js';

/** Conditions of n images; `index` are the instances that the vectors are of, where the graph says so. */
export interface Drawn {
  readonly label?: TensorValue;
  readonly vector?: TensorValue;
  readonly index?: TensorValue;
}

/** The outputs that conditions are read from: `{ label: 'instances.label', … }`. */
export type ConditionSource = Readonly<Partial<Record<keyof Drawn, string>>>;

/** The training node of a plan: the first one. */
export const trainingNode = (plan: Plan) => plan.nodes.find(({ type }) => type.name.startsWith('train/'));

/** Where the condition of the training node comes from; undefined if it has none, or it depends on the training itself. */
export function conditionSource(engine: Engine, plan: Plan, graph: Graph): ConditionSource | undefined {
  const train = trainingNode(plan);
  if (!train) return undefined;
  const { condition } = engine.services.component<Method>('method', train.type.name.slice('train/'.length));
  const from = (port: string | undefined) => train.edges.find((edge) => edge.port === port);
  const label = from(condition.label), vector = from(condition.vector), edges = [label, vector].filter((edge) => edge !== undefined);
  if (!edges.length || train.id in upstream(graph, edges.map((edge) => edge.from)).nodes) return undefined;
  const index = vector && plan.nodes.find(({ id }) => id === vector.from)!.outputs.index;
  return {
    ...(label && { label: `${label.from}.${label.output}` }), ...(vector && { vector: `${vector.from}.${vector.output}` }),
    ...(index?.startsWith('i64') && { index: `${vector!.from}.index` }),
  };
}

/** A graph that gives conditions, batch after batch, for as long as it is open. */
export interface Draws {
  /** Held values that were asked for together with the conditions, by name. */
  readonly values: Held['values'];
  /** The next batch. Throws what a node fails with. */
  next(): Promise<Drawn>;
  close(): Promise<void>;
}

/**
 * Runs what conditions and the held outputs `wanted` depend on, as far ahead as one batch. Its nodes have a session host of their own: whoever draws may keep
 * residents in the engine's between two batches.
 */
export async function openDraws(
  engine: Engine, { graph }: Loaded, plan: Plan, source: ConditionSource, wanted: Readonly<Record<string, string>>, { seed, signal }: { readonly seed: number; readonly signal?: AbortSignal | undefined },
): Promise<Draws> {
  const edges = Object.entries({ ...source, ...wanted }).map(([name, reference]) => {
    const [node, output] = reference.split('.') as [string, string], type: PortType = plan.nodes.find(({ id }) => id === node)!.outputs[output]!;
    return { name, node, port: name in wanted ? { latest: type } : type };
  });
  const stop = new AbortController(), ended = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  let values: Held['values'] = {}, offered: { readonly drawn: Drawn; readonly taken: () => void } | undefined, wake = () => {};
  ended.addEventListener('abort', () => { offered?.taken(); });
  const taker = defineNode({
    name: 'run/draw', about: 'Hands out what comes, when it is asked for.', config: z.strictObject({}), inputs: Object.fromEntries(edges.map(({ name, port }) => [name, port])), outputs: {},
    start: () => ({
      state: null,
      async step(state, inputs, { services }) {
        values = Object.fromEntries(Object.keys(wanted).map((name) => [name, inputs[name] as Value]));
        const drawn = Object.fromEntries(await Promise.all(Object.keys(source).map(async (name) => [name, await fetched(services, inputs[name] as Tensorial)] as const))) as Drawn;
        if (!ended.aborted) await new Promise<void>((taken) => { offered = { drawn, taken }; wake(); });
        return { state, outputs: {} };
      },
    }),
  }) as NodeType;
  const part = upstream(graph, edges.map(({ node }) => node)), waves = Number.MAX_SAFE_INTEGER;
  const drawing: Graph = { ...part, waves, nodes: { ...part.nodes, ' draws': { type: taker, in: { ...source, ...wanted } as Readonly<Record<string, string>> } } };
  const host = lazyHost(engine.services.host.device, undefined, engine.services.note), services = { ...engine.services, host };
  const { done } = run(await compose(drawing, engine.types, services), { waves, seed, services, signal: ended });
  const failed = done.then((): never => { throw ended.reason ?? new Error('the graph draws no more'); });
  failed.catch(() => undefined); // whoever waits for a batch hears of it
  const there = () => Promise.race([failed, new Promise<void>((resolve) => { wake = resolve; if (offered) resolve(); })]);
  const close = async () => {
    stop.abort();
    await done.catch(() => undefined);
    await host.close();
  };
  try { await there(); } catch (error) { await close(); throw error; }
  return {
    values, close,
    async next() {
      await there();
      const { drawn, taken } = offered!;
      offered = undefined;
      taken();
      return drawn;
    },
  };
}
