/** @file Stand-ins for tests of graphs: services without a session, a host of residents without a thread, nodes in few words. */
import { z } from 'zod';
import type { Services } from '../../engine/dataflow/context.js';
import { defineNode, type NodeType, type OutputPorts, type Ports, type Stepped } from '../../engine/dataflow/node.js';
import type { WaveContext } from '../../engine/dataflow/context.js';
import type { SessionHost } from '../../engine/session/host.js';
import { Resident } from '../../engine/spec/value.js';

export interface FakeHost extends SessionHost {
  readonly released: readonly number[];
}

/** A host that only counts: `put` gives the next id, `release` takes it back; a second release is an error. */
export function fakeHost(): FakeHost {
  const residents = new Set<number>(), released: number[] = [];
  let next = 1;
  const absent = () => Promise.reject(new Error('the fake host runs nothing'));
  return {
    device: 'cpu', residents, released, compile: absent, open: absent, get: absent, stack: absent, close: async () => {},
    put: async (value) => {
      residents.add(next);
      return new Resident(next++, value.dtype, value.dims);
    },
    release(given) {
      for (const { id } of given) {
        if (!residents.delete(id)) throw new Error(`resident ${id} is released twice`);
        released.push(id);
      }
    },
  };
}

export const fakeServices = (host: SessionHost = fakeHost()): Services => ({
  host, resolve: (path) => path, cache: 'no cache here', component: () => { throw new Error('no components here'); }, progress: () => {}, note: () => {},
});

// biome-ignore lint/suspicious/noExplicitAny: tests speak of plain values
type Any = any;
type Values = Readonly<Record<string, Any>>;
export interface FakeNode {
  readonly inputs?: Ports;
  readonly outputs?: OutputPorts;
  readonly state?: unknown;
  readonly initial?: (state: Any) => Values;
  readonly cadence?: string;
  /** What starting waits for. */
  readonly starting?: (signal: AbortSignal) => Promise<void>;
  step(state: Any, inputs: Values, wave: WaveContext): Promise<Stepped<unknown, Values>> | Stepped<unknown, Values>;
  readonly close?: () => void;
}

/** A node type from its step. */
export const fakeNode = (name: string, { inputs = {}, outputs = {}, state = 0, initial, cadence, starting, step, close }: FakeNode): NodeType =>
  defineNode({
    name, about: 'A fake.', config: z.any(), inputs, outputs, ...(cadence && { cadence: () => cadence }),
    start: (_config, { signal }) => {
      const behaviour = { state, ...(initial && { initial }), step, ...(close && { close }) };
      return starting ? starting(signal).then(() => behaviour) : behaviour;
    },
  }) as NodeType;

export const typesOf = (...types: readonly NodeType[]): ReadonlyMap<string, NodeType> => new Map(types.map((type) => [type.name, type]));

/** Numbers from a seed, for delays. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
export const wait = (ms: number) => new Promise<void>((resolve) => { setTimeout(resolve, ms); });
