/** @file Conditions as a run's graph draws them: the nodes that its training node's condition depends on run, and nothing else of the graph. */
import { z } from 'zod';
import { compose } from '../dataflow/compose.js';
import type { Graph } from '../dataflow/graph.js';
import { defineNode, type NodeType, type PortType } from '../dataflow/node.js';
import type { Plan } from '../dataflow/plan.js';
import { run } from '../dataflow/run.js';
import { inputError } from '../spec/issue.js';
import type { Tensorial, TensorValue } from '../spec/value.js';
import type { Method } from '../training/method.js';
import { fetched } from '../training/networks.js';
import { upstream } from './ask.js';
import type { Engine, Loaded } from './engine.js';

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

/** Draws conditions, as many as `count` or a few more, and hands them out in batches, one at a time. Throws what a node fails with. */
export async function drawConditions(
  engine: Engine, { graph }: Loaded, plan: Plan, source: ConditionSource, { count, seed, signal }: { readonly count: number; readonly seed: number; readonly signal?: AbortSignal | undefined },
  take: (drawn: Drawn) => Promise<void>,
): Promise<void> {
  const wanted = Object.entries(source), parts = wanted.map(([name, reference]) => [name, ...reference.split('.')] as [string, string, string]);
  const typeOf = ([, node, port]: [string, string, string]): PortType => plan.nodes.find(({ id }) => id === node)!.outputs[port]!;
  const type = plan.type(parts[0]![1], parts[0]![2]), batch = typeof type === 'object' ? type.dims[0] : undefined;
  if (typeof batch !== 'number') throw inputError(wanted[0]![1], 'the graph does not say how many conditions it draws in a wave');
  const taker = defineNode({
    name: 'run/take', about: 'Hands out what comes.', config: z.strictObject({}),
    inputs: Object.fromEntries(parts.map((part) => [part[0], typeOf(part)])), outputs: {},
    start: () => ({
      state: null,
      async step(state, inputs, { services }) {
        const values = await Promise.all(Object.entries(inputs).map(async ([name, value]) => [name, await fetched(services, value as Tensorial)]));
        await take(Object.fromEntries(values) as Drawn);
        return { state, outputs: {} };
      },
    }),
  }) as NodeType;
  const waves = Math.ceil(count / batch), part = upstream(graph, parts.map(([, node]) => node));
  const drawing: Graph = { ...part, waves, nodes: { ...part.nodes, ' taker': { type: taker, in: source as Readonly<Record<string, string>> } } };
  await run(await compose(drawing, engine.types, engine.services), { waves, seed, prefetch: 1, services: engine.services, ...(signal && { signal }) }).done;
  signal?.throwIfAborted();
}
