/** @file An actor: a planned node that has been started. Its first tick is what a run begins from, fresh or resumed. */
import { keyedRandom } from '../session/keyed-random.js';
import { GantryError, inputError } from '../spec/issue.js';
import { isTransient, type Value } from '../spec/value.js';
import type { Services } from './context.js';
import type { Outputs } from './events.js';
import type { Behaviour, CheckContext, StartContext } from './node.js';
import type { Plan, PlannedNode } from './plan.js';
import type { NodeSnapshot, Snapshot } from './snapshot.js';

const BEFORE_ALL_WAVES = -1;

/** What a node did in one wave: nothing, or a step. Every node ticks once a wave. */
export interface Tick extends NodeSnapshot {
  readonly wave: number;
  readonly stepped: boolean;
  /** What it emitted in this wave. */
  readonly outputs: Outputs;
}

export interface Actor {
  readonly node: PlannedNode;
  readonly behaviour: Behaviour<unknown, unknown, Outputs>;
  /** The tick before the first wave of this run. */
  readonly first: Tick;
  /** Everything that `start` made and handed over, whether the run goes on from it or from a checkpoint. */
  readonly made: unknown;
}

export interface StartOptions {
  readonly services: Services;
  readonly signal: AbortSignal;
  readonly seed: number;
  readonly saved?: Snapshot;
}

/** Starts one node, from its own first state or from the saved one. What is thrown carries the node. */
export async function start(plan: Plan, node: PlannedNode, options: StartOptions): Promise<Actor> {
  try {
    return await begin(plan, node, options);
  } catch (error) {
    const where = `node "${node.id}" (${node.type.name})`;
    if (!(error instanceof GantryError)) throw new GantryError('StartError', where, [{ at: '', says: (error as Error)?.message ?? String(error) }], 3, { cause: error });
    throw new GantryError(error.name, error.where ? `${where}: ${error.where}` : where, error.issues, error.exitCode, { cause: error });
  }
}

async function begin(plan: Plan, node: PlannedNode, { services, signal, seed, saved }: StartOptions): Promise<Actor> {
  const behaviour: Actor['behaviour'] = await node.type.start(node.config, startContext(plan, node, services, signal, seed));
  const before = saved && savedNode(saved, node.id);
  const state = before ? before.state : behaviour.state;
  const initial = behaviour.initial?.(state) ?? {};
  const registers: Record<string, Value> = {};
  for (const name of heldOutputs(plan, node.id)) {
    const kept = before ? before.registers[name] : initial[name];
    const value = before && isTransient(kept) ? initial[name] : kept;
    if (value !== undefined) registers[name] = value;
  }
  return {
    node, behaviour, made: [behaviour.state, initial, before],
    first: { wave: (saved?.waves ?? 0) - 1, state, registers, steps: before?.steps ?? 0, outputs: {}, stepped: false },
  };
}

/** The outputs of a node that some held edge reads. */
export function heldOutputs(plan: Plan, id: string): readonly string[] {
  const names = plan.nodes.flatMap((reader) => reader.edges.filter((edge) => edge.from === id && edge.clock !== 'event').map((edge) => edge.output));
  return [...new Set(names)];
}

/** A checkpoint belongs to the graph that wrote it. */
export function checkSaved(plan: Plan, saved: Snapshot): void {
  const ids = new Set(plan.nodes.map((node) => node.id));
  for (const id of ids) savedNode(saved, id);
  const extra = Object.keys(saved.nodes).find((id) => !ids.has(id));
  if (extra !== undefined) throw inputError('the checkpoint', `it holds a node "${extra}" that the graph does not have`, { try: 'resuming with the graph that wrote it' });
}

function savedNode(saved: Snapshot, id: string): NodeSnapshot {
  const node = saved.nodes[id];
  if (!node) throw inputError('the checkpoint', `it holds no node "${id}", and the graph has one`, { try: 'resuming with the graph that wrote it' });
  return node;
}

/** A node's place in a plan. */
export const checkContext = (plan: Plan, { id, edges }: PlannedNode): CheckContext => ({
  node: id,
  wired: (port) => edges.some((edge) => edge.port === port),
  type(port) {
    const type = plan.type(id, port);
    if (typeof type !== 'object') throw new TypeError(`${id}.${port} is ${type ?? 'no port'}, not a tensor`);
    return type;
  },
});

function startContext(plan: Plan, node: PlannedNode, services: Services, signal: AbortSignal, seed: number): StartContext {
  const ports = [...node.edges.map((edge) => [edge.port, edge.type] as const), ...Object.entries(node.outputs)];
  const open = (letter: string) => {
    const port = ports.find(([, type]) => new RegExp(`[<[,.]${letter}[,\\]>]`).test(type.replace(/\s/g, '')));
    return new GantryError('GraphError', `nodes.${node.id}`, [{
      at: '', says: `the size ${letter} of ${port ? `${port[0]}, which is ${port[1]},` : 'its ports'} is open: no configuration and no edge fixes it`,
    }], 2);
  };
  return {
    ...checkContext(plan, node), services, signal,
    random: (name) => keyedRandom(seed, node.id, BEFORE_ALL_WAVES, name),
    size(letter) {
      const size = plan.size(node.id, letter);
      if (size === undefined) throw open(letter);
      return size;
    },
    rest(letter) {
      const sizes = plan.rest(node.id, letter);
      if (!sizes) throw open(letter);
      return sizes;
    },
  };
}
