/** @file Residents of the session host: kept while anything refers to them, given up soon after, never twice. */
import { compose } from '../../engine/dataflow/compose.js';
import type { Graph } from '../../engine/dataflow/graph.js';
import { run, type RunOptions } from '../../engine/dataflow/run.js';
import { createSweep, residentsOf } from '../../engine/dataflow/sweep.js';
import { Resident, tensor, transient } from '../../engine/spec/value.js';
import { defineNode } from '../../engine/dataflow/node.js';
import { z } from 'zod';
import { fakeHost, fakeNode, fakeServices, seeded, wait, type FakeHost } from './fake.js';

const scalar = tensor('f32', [], new Float32Array(1));

test('residents are found in plain objects and arrays, and nowhere else', () => {
  const at = (id: number) => new Resident(id, 'f32', []);
  class Opaque { readonly inner = at(9); }
  expect([...residentsOf(at(1))]).toEqual([1]);
  expect([...residentsOf({ a: at(1), b: [{ c: at(2) }, 3, 'x', null], d: new Float32Array(3), e: scalar })]).toEqual([1, 2]);
  expect(residentsOf({ o: new Opaque(), t: { [transient]: true, inner: at(8) }, m: new Map([[1, at(7)]]) }).size).toBe(0);
  expect([...residentsOf(Object.assign(Object.create(null) as object, { a: at(4) }))]).toEqual([4]);
  const shared = { r: at(5) };
  expect([...residentsOf([shared, shared])]).toEqual([5]);
});

test('a resident made by a step under way is kept until that step has ended', async () => {
  const host = fakeHost(), sweep = createSweep(host);
  sweep.pin([]);
  const step = sweep.begin();
  await host.put(scalar);
  sweep.sweep([]);
  sweep.sweep([]);
  expect(host.released).toEqual([]);
  const later = sweep.begin();
  sweep.end(step);
  sweep.sweep([]);
  // The younger step began after the resident was noticed, so it can't be that step's.
  expect(host.released).toEqual([1]);
  sweep.end(later);
});

/** Trains: each step puts the next version of two weights into the host, and something that it does not keep. */
const train = (host: FakeHost, random: () => number) => defineNode({
  name: 'train', about: 'Trains.', config: z.any(), inputs: {}, outputs: { weights: '@weights' },
  start: async () => ({
    state: { version: 0, state: { g: await host.put(scalar), d: await host.put(scalar) } },
    initial: (state) => ({ weights: state }),
    step: async (state) => {
      if (!host.residents.has(state.state.g.id)) throw new Error(`version ${state.version} was given up`);
      await host.put(scalar);
      await wait(random() * 2);
      const next = { version: state.version + 1, state: { g: await host.put(scalar), d: state.state.d } };
      return { state: next, outputs: { weights: next } };
    },
  }),
});

async function record(nodes: Graph['nodes'], waves: number, host: FakeHost, options: Partial<RunOptions> = {}) {
  const services = fakeServices(host);
  const plan = await compose({ nodes }, new Map(), services);
  const running = run(plan, { waves, services, ...options });
  await running.done;
  return running;
}

test.each([1, 2, 4])('old versions are given up, what is read is there, and their number stays bounded (prefetch %i)', async (prefetch) => {
  const host = fakeHost(), random = seeded(prefetch);
  let most = 0, reads = 0;
  const reader = fakeNode('reader', {
    inputs: { weights: { previous: '@weights' } }, outputs: { frozen: '@frozen' },
    step: async (state, { weights }, { wave }) => {
      await wait(random() * 3);
      for (const { id } of [weights.state.g, weights.state.d]) if (!host.residents.has(id)) throw new Error(`wave ${wave} reads resident ${id}, which is gone`);
      reads++;
      return { state, outputs: wave % 10 === 0 ? { frozen: weights } : {} };
    },
  });
  const keeper = fakeNode('keeper', {
    inputs: { frozen: { latest: '@frozen' } },
    step: (state, { frozen }) => {
      if (!host.residents.has(frozen.state.g.id)) throw new Error('the frozen copy is gone');
      most = Math.max(most, host.residents.size);
      return { state, outputs: {} };
    },
  });
  const running = await record({
    train: { type: train(host, random) }, reader: { type: reader, in: { weights: 'train.weights' } }, keeper: { type: keeper, in: { frozen: 'reader.frozen' } },
  }, 40, host, { prefetch });
  expect(reads).toBe(40);
  expect(most).toBeLessThan(6 + 6 * prefetch);
  for (const id of residentsOf(running.snapshot())) expect(host.residents.has(id)).toBe(true);
  expect(new Set(host.released).size).toBe(host.released.length);
  expect(host.released.length).toBeGreaterThan(60);
});

test('what a node keeps outside its state from its start on is never given up; what a checkpoint brought is', async () => {
  const host = fakeHost();
  const foreign = await host.put(scalar);
  const evaluator = defineNode({
    name: 'evaluator', about: 'Keeps a network.', config: z.any(), inputs: {}, outputs: {},
    start: async () => {
      const own = await host.put(scalar);
      return { state: 0, step: (state: number) => { if (!host.residents.has(own.id)) throw new Error('gone'); return { state: state + 1, outputs: {} }; } };
    },
  });
  const nodes = { train: { type: train(host, seeded(1)) }, evaluator: { type: evaluator } };
  const first = await record(nodes, 3, host);
  const old = [...residentsOf(first.snapshot())];
  await record(nodes, 9, host, { saved: first.snapshot() });
  expect(host.residents.has(foreign.id)).toBe(true);
  expect(host.released).toContain(old[0]);
});

test('residents of an event live until its promise settles', async () => {
  const host = fakeHost(), lost: number[] = [];
  await record({ train: { type: train(host, seeded(2)) } }, 12, host, {
    prefetch: 3,
    onEvent: async (event) => {
      if (event.type !== 'wave' || event.wave % 4) return;
      await wait(15);
      lost.push(...[...residentsOf(event.snapshot)].filter((id) => !host.residents.has(id)));
    },
  });
  expect(lost).toEqual([]);
});
