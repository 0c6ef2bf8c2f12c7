/** @file Runs one node by hand: its start, and its steps in the waves a test asks for. */
import os from 'node:os';
import path from 'node:path';
import { existsSync } from 'node:fs';
import type { Services } from '../../engine/dataflow/context.js';
import type { NodeType } from '../../engine/dataflow/node.js';
import type { SessionHost } from '../../engine/session/host.js';
import { keyedRandom, type Random } from '../../engine/session/keyed-random.js';
import type { TensorValue } from '../../engine/spec/value.js';

/** Data and fixtures beside the project; tests that need them are skipped where they are absent. */
export const shared = path.resolve('../shared');
export const whenShared = existsSync(shared) ? test : test.skip;

type Outputs = Readonly<Record<string, any>>; // any: a test knows what its node gives
export interface Rig {
  readonly initial: Outputs;
  state: any; // any: as above
  step(wave: number, inputs?: Readonly<Record<string, unknown>>): Promise<Outputs>;
  close(): Promise<void>;
}

export interface Surroundings {
  readonly host?: SessionHost;
  readonly seed?: number;
  readonly node?: string;
  readonly cache?: string;
  /** Takes what the node remarks. */
  readonly notes?: string[];
  readonly signal?: AbortSignal;
  readonly progress?: Services['progress'];
  /** Components by their names; none unless it says otherwise. */
  readonly component?: Services['component'];
  /** Resolved sizes, by their letters; open unless it says otherwise. */
  readonly sizes?: Readonly<Record<string, number>>;
}

/** Starts a node type with a raw configuration, as a graph file would give it. */
export async function rig(type: NodeType, config: unknown, { host, seed = 1, node = 'node', cache = path.join(os.tmpdir(), `gantry-cache-${process.pid}`), notes, signal = new AbortController().signal, progress = () => {}, component = () => { throw new Error('no components here'); }, sizes = {} }: Surroundings = {}): Promise<Rig> {
  const services = {
    host: host as SessionHost, resolve: (given: string) => given, cache, progress, note: (message) => { notes?.push(message); },
    component,
  } satisfies Services;
  const random = (name: string): Random => keyedRandom(seed, node, 0, name);
  const open = (): never => { throw new Error('sizes are not resolved here'); };
  const behaviour = await type.start(type.config.parse(config), { node, services, signal, random, wired: () => true, type: open, size: (letter) => sizes[letter] ?? open(), rest: open });
  const rigged: Rig = {
    initial: (behaviour.initial?.(behaviour.state) ?? {}) as Outputs,
    state: behaviour.state,
    async step(wave, inputs = {}) {
      const { state, outputs } = await behaviour.step(rigged.state, inputs as never, {
        node, wave, services, signal, random: (name) => keyedRandom(seed, node, wave, name),
      });
      rigged.state = state;
      return outputs as Outputs;
    },
    close: async () => { await behaviour.close?.(); },
  };
  return rigged;
}

export const numbers = (value: TensorValue): number[] => Array.from(value.data as Iterable<number | bigint>, Number);
