/** @file Exactness: whatever the delays, the prefetch and the place where a run was cut, the same comes out. */
import { compose } from '../../engine/dataflow/compose.js';
import type { RunEvent } from '../../engine/dataflow/events.js';
import type { Graph } from '../../engine/dataflow/graph.js';
import { run } from '../../engine/dataflow/run.js';
import type { Snapshot } from '../../engine/dataflow/snapshot.js';
import { transient } from '../../engine/spec/value.js';
import { fakeNode, fakeServices, seeded, wait, type FakeNode } from './fake.js';

/** A graph with all that makes time hard: a cycle, a cadence, stateless nodes read through held edges, transient values; each step takes a random time. */
function graph(delays: () => number): Graph['nodes'] {
  const late = (node: FakeNode): FakeNode => ({
    ...node, step: async (state, inputs, wave) => { await wait(delays() * 2); const out = await node.step(state, inputs, wave); await wait(delays()); return out; },
  });
  const open = { [transient]: true as const, read: (i: number) => i * i };
  return {
    files: { type: fakeNode('files', { outputs: { set: '@set' }, initial: () => ({ set: open }), step: (state) => ({ state, outputs: {} }) }) },
    data: { type: fakeNode('data', late({
      inputs: { set: { latest: '@set' } }, outputs: { image: '@image' },
      step: (state, { set }, wave) => ({ state: state + 1, outputs: { image: set.read(state) + wave.random('x').integers(1, 100)[0]! } }),
    })), in: { set: 'files.set' } },
    now: { type: fakeNode('now', { inputs: { tick: '@any' }, outputs: { now: '@tick' }, step: (state, _i, { wave }) => ({ state, outputs: wave % 3 === 0 ? { now: wave } : {} }) }), in: { tick: 'data.image' } },
    // Stateless behind held edges: what its readers see must be in the checkpoint, because it can't make it again.
    clusters: { type: fakeNode('clusters', late({
      inputs: { now: '@tick', weights: { previous: '@weights' } }, outputs: { table: '@table' }, state: null,
      step: (state, { now, weights }) => ({ state, outputs: { table: `${now}/${weights}` } }),
    })), in: { now: 'now.now', weights: 'train.weights' } },
    label: { type: fakeNode('label', late({
      inputs: { image: '@image', table: { latest: '@table' } }, outputs: { label: '@label' }, state: null,
      step: (state, { image, table }) => ({ state, outputs: { label: `${image} by ${table}` } }),
    })), in: { image: 'data.image', table: 'clusters.table' } },
    train: { type: fakeNode('train', late({
      inputs: { label: '@label' }, outputs: { weights: '@weights', loss: '@loss' }, state: 1, initial: (state) => ({ weights: `w${state}` }),
      step: (state, { label }) => {
        const next = (state * 31 + [...label].reduce((a, c) => a + c.charCodeAt(0), 0)) % 9973;
        return { state: next, outputs: { weights: `w${next}`, loss: next } };
      },
    })), in: { label: 'label.label' } },
    behind: { type: fakeNode('behind', late({
      inputs: { table: { previous: '@table' }, loss: { previous: '@loss' } }, outputs: { text: '@text' }, state: null,
      step: (state, { table, loss }) => ({ state, outputs: { text: `${table} ${loss}` } }),
    })), in: { table: 'clusters.table', loss: 'train.loss' } },
  };
}

const WAVES = 11;

async function record(seed: number, prefetch: number, until: number, saved?: Snapshot) {
  const plan = await compose({ nodes: graph(seeded(seed)) }, new Map(), fakeServices());
  const log: string[] = [], snapshots: Snapshot[] = [];
  const onEvent = (event: RunEvent) => {
    if (event.type !== 'wave') return;
    log.push(JSON.stringify([event.wave, event.outputs]));
    snapshots.push(event.snapshot);
  };
  await run(plan, { waves: until, services: fakeServices(), prefetch, saved, onEvent, seed: 5 }).done;
  return { log, snapshots };
}
/** What a checkpoint keeps: plain data; transient values lose everything but their mark. */
const written = (snapshot: Snapshot): Snapshot => {
  const kept = (value: unknown): unknown => (typeof value === 'object' && value !== null && transient in value ? { [transient]: true } : structuredClone(value));
  return { waves: snapshot.waves, nodes: Object.fromEntries(Object.entries(snapshot.nodes).map(([id, { state, registers, steps }]) => [id, {
    state: structuredClone(state), steps, registers: Object.fromEntries(Object.entries(registers).map(([name, value]) => [name, kept(value) as object])),
  }])) };
};

test.each([1, 2, 3, 4])('whatever the delays, prefetch %i gives what one wave at a time gives', async (prefetch) => {
  const plain = await record(1, 1, WAVES);
  for (const seed of [2, 3, 4]) {
    const other = await record(seed, prefetch, WAVES);
    expect({ seed, log: other.log }).toEqual({ seed, log: plain.log });
    expect(other.snapshots.map(written)).toEqual(plain.snapshots.map(written));
  }
});

test.each([1, 2, 3, 4])('a run cut after any wave and resumed goes on exactly, with prefetch %i', async (prefetch) => {
  const whole = await record(1, prefetch, WAVES);
  expect(whole.log.length).toBe(WAVES);
  for (let cut = 1; cut < WAVES; cut++) {
    const rest = await record(100 + cut, prefetch, WAVES, written(whole.snapshots[cut - 1]!));
    expect({ cut, log: rest.log }).toEqual({ cut, log: whole.log.slice(cut) });
    expect(written(rest.snapshots.at(-1)!)).toEqual(written(whole.snapshots.at(-1)!));
  }
});

test('a register that was saved stands, whatever initial says; only a transient one is made again', async () => {
  const seen: unknown[] = [];
  const source = fakeNode('source', {
    outputs: { kept: '@kept', open: '@open' }, state: 0,
    initial: (state) => ({ kept: `initial ${state}`, open: { [transient]: true, made: state } }),
    step: (state, _i, { wave }) => ({ state: state + 1, outputs: wave === 0 ? { kept: 'stepped' } : {} }),
  });
  const reader = fakeNode('reader', {
    inputs: { kept: { latest: '@kept' }, open: { latest: '@open' } },
    step: (state, { kept, open }) => { seen.push([kept, open.made]); return { state, outputs: {} }; },
  });
  const plan = await compose({ nodes: { source: { type: source }, reader: { type: reader, in: { kept: 'source.kept', open: 'source.open' } } } }, new Map(), fakeServices());
  const first = run(plan, { waves: 2, services: fakeServices() });
  await first.done;
  await run(plan, { waves: 3, services: fakeServices(), saved: written(first.snapshot()!) }).done;
  expect(seen).toEqual([['stepped', 0], ['stepped', 0], ['stepped', 2]]);
});

test('whether a node ever stepped survives a resume', async () => {
  const once = fakeNode('once', { inputs: { v: '@v' }, step: (state) => ({ state, outputs: {} }) });
  const source = fakeNode('source', { outputs: { v: '@v' }, step: (state, _i, { wave }) => ({ state, outputs: wave === 0 ? { v: 1 } : {} }) });
  const plan = await compose({ nodes: { source: { type: source }, once: { type: once, in: { v: 'source.v' } } } }, new Map(), fakeServices());
  const first = run(plan, { waves: 2, services: fakeServices() });
  await first.done;
  await expect(run(plan, { waves: 4, services: fakeServices(), saved: first.snapshot() }).done).resolves.toMatchObject({ type: 'finished' });
});
