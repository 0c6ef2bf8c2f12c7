/** @file Time: what steps when, and with which values. Every rule of waves has a test. */
import { compose } from '../../engine/dataflow/compose.js';
import type { RunEvent, SteppedEvent } from '../../engine/dataflow/events.js';
import type { Graph } from '../../engine/dataflow/graph.js';
import { run, type RunOptions } from '../../engine/dataflow/run.js';
import { GantryError, inputError } from '../../engine/spec/issue.js';
import { tensor } from '../../engine/spec/value.js';
import { fakeNode, fakeServices, seeded, wait, type FakeNode } from './fake.js';

/** Counts up: emits 0, 1, 2, … */
const counter = (more: Partial<FakeNode> = {}) => fakeNode('count', {
  outputs: { n: '@n' }, step: (state) => ({ state: state + 1, outputs: { n: state } }), ...more,
});
/** Emits its inputs as one text. */
const seen = (inputs: FakeNode['inputs'], more: Partial<FakeNode> = {}) => fakeNode('see', {
  inputs, outputs: { text: '@text' },
  step: (state, given) => ({ state: state + 1, outputs: { text: Object.entries(given).map(([k, v]) => `${k}${v}`).join(' ') } }), ...more,
});
/** Emits in the waves that `when` picks. */
const some = (when: (wave: number) => boolean, more: Partial<FakeNode> = {}) => fakeNode('some', {
  outputs: { v: '@v' }, step: (state, _inputs, { wave }) => ({ state, outputs: when(wave) ? { v: wave } : {} }), ...more,
});

async function record(nodes: Graph['nodes'], waves: number, options: Partial<RunOptions> = {}) {
  const plan = await compose({ nodes }, new Map(), fakeServices());
  const events: RunEvent[] = [];
  const running = run(plan, { waves, services: fakeServices(), ...options, onEvent: (event) => { events.push(event); return options.onEvent?.(event); } });
  const error = await running.done.then(() => undefined, (e: unknown) => e as GantryError);
  return { plan, events, running, error };
}
/** `wave: text` of every step of a node, in the order in which the waves completed. */
const texts = (events: readonly RunEvent[], node: string) => events.flatMap((event) =>
  event.type === 'wave' && event.outputs[node] ? [`${event.wave}: ${Object.values(event.outputs[node]!).join(' ')}`.trim()] : []);
const types = (events: readonly RunEvent[]) => events.map((event) => event.type).filter((type) => type !== 'stepped');

test('a node without event inputs steps in every wave, one with event inputs when they all arrive', async () => {
  const { events } = await record({
    a: { type: some((wave) => wave % 2 === 0) }, b: { type: some((wave) => wave % 3 === 0) },
    both: { type: seen({ a: '@v', b: '@v' }), in: { a: 'a.v', b: 'b.v' } },
  }, 7);
  expect(texts(events, 'both')).toEqual(['0: a0 b0', '6: a6 b6']);
  expect(texts(events, 'a').length).toBe(7);
});

test('latest gives the value of this wave if it came, else the last one; previous the same a wave late', async () => {
  const { events } = await record({
    tick: { type: counter() }, now: { type: some((wave) => wave === 1 || wave === 3) },
    see: { type: seen({ n: '@n', l: { latest: '@v' }, 'p?': { previous: '@v' } }), in: { n: 'tick.n', l: 'now.v', p: 'now.v' } },
  }, 6);
  expect(texts(events, 'see')).toEqual(['1: n1 l1', '2: n2 l1 p1', '3: n3 l3 p1', '4: n4 l3 p3', '5: n5 l3 p3']);
});

test('initial gives held edges their value before the first step', async () => {
  const { events } = await record({
    now: { type: some((wave) => wave === 2, { state: 7, initial: (state) => ({ v: `first${state}` }) }) },
    see: { type: seen({ l: { latest: '@v' }, p: { previous: '@v' } }), in: { l: 'now.v', p: 'now.v' } },
  }, 4);
  expect(texts(events, 'see')).toEqual(['0: lfirst7 pfirst7', '1: lfirst7 pfirst7', '2: l2 pfirst7', '3: l2 p2']);
});

test('an optional held input is absent before its first value, and need not be wired', async () => {
  const { events } = await record({
    now: { type: some((wave) => wave === 1) }, see: { type: seen({ 'l?': { latest: '@v' } }), in: { l: 'now.v' } }, alone: { type: seen({ 'x?': '@any' }) },
  }, 3);
  expect(texts(events, 'see')).toEqual(['0:', '1: l1', '2: l1']);
  expect(texts(events, 'alone').length).toBe(3);
});

test('a cycle through previous trains on the weights of the wave before', async () => {
  const train = fakeNode('train', {
    inputs: { label: '@label' }, outputs: { weights: '@weights' }, initial: (state) => ({ weights: `w${state}` }),
    step: (state) => ({ state: state + 1, outputs: { weights: `w${state + 1}` } }),
  });
  const label = fakeNode('label', {
    inputs: { weights: { previous: '@weights' } }, outputs: { label: '@label' }, step: (state, { weights }) => ({ state, outputs: { label: `by ${weights}` } }),
  });
  const { events } = await record({ label: { type: label, in: { weights: 'train.weights' } }, train: { type: train, in: { label: 'label.label' } } }, 3);
  expect(texts(events, 'label')).toEqual(['0: by w0', '1: by w1', '2: by w2']);
});

test.each([1, 2, 3, 4])('at most prefetch waves (%i) are under way beyond the last completed one', async (prefetch) => {
  let begun = 0, completed = 0, most = 0;
  const source = counter({ step: (state) => { begun++; most = Math.max(most, begun - completed); return { state: state + 1, outputs: { n: state } }; } });
  const slow = seen({ n: '@n' }, { step: async (state) => { await wait(2); return { state, outputs: {} }; } });
  await record({ a: { type: source }, b: { type: slow, in: { n: 'a.n' } } }, 12, { prefetch, onEvent: (event) => { if (event.type === 'wave') completed++; } });
  expect(most).toBe(prefetch);
});

test('an error carries node and wave, aborts the others, waits for them, and leaves the last completed wave', async () => {
  let aborted = false, settled = false;
  const slow = counter({
    step: async (state, _inputs, { wave, signal }) => {
      if (wave === 2) { await new Promise((r) => { signal.addEventListener('abort', r); }); aborted = true; await wait(10); settled = true; }
      return { state: state + 1, outputs: { n: state } };
    },
  });
  const bad = counter({ step: async (state, _inputs, { wave }) => { await wait(1); if (wave === 2) throw new Error('42 of 100 clusters are empty'); return { state: state + 1, outputs: {} }; } });
  const { error, running } = await record({ slow: { type: slow }, bad: { type: bad } }, 9, { prefetch: 1 });
  expect(error).toBeInstanceOf(GantryError);
  expect(error?.message).toBe('StepError: node "bad" (count), wave 2: 42 of 100 clusters are empty');
  expect(error?.exitCode).toBe(3);
  expect([aborted, settled]).toEqual([true, true]);
  expect(running.snapshot()?.waves).toBe(2);
  expect(running.snapshot()?.nodes.bad?.state).toBe(2);
});

test('an error made for people keeps its name and exit code and gains its place; a thrown text is told, too', async () => {
  const file = counter({ step: () => { throw inputError('photos/7.png', 'it is truncated'); } });
  const first = await record({ data: { type: file } }, 3);
  expect(first.error?.message).toBe('InputError: node "data" (count), wave 0: photos/7.png: it is truncated');
  expect(first.error?.exitCode).toBe(2);
  const text = await record({ data: { type: counter({ step: () => Promise.reject('no reason') }) } }, 3);
  expect(text.error?.message).toBe('StepError: node "data" (count), wave 0: no reason');
});

test('a node that fails to start is named, and the ones before it are closed', async () => {
  let closed = 0;
  const good = counter({ close: () => { closed++; } });
  const bad = { ...counter(), name: 'bad', start: () => { throw new Error('no such model'); } };
  const { error, events } = await record({ good: { type: good }, bad: { type: bad } }, 3);
  expect(error?.message).toBe('StartError: node "bad" (bad): no such model');
  expect([closed, events]).toEqual([1, []]);
});

test('stopping begins no step any more, waits for those under way, and keeps the last completed wave', async () => {
  const stop = new AbortController();
  let under = 0;
  const slow = counter({ step: async (state) => { under++; await wait(3); under--; return { state: state + 1, outputs: { n: state } }; } });
  const { events, running, error } = await record({ a: { type: slow }, b: { type: seen({ n: '@n' }), in: { n: 'a.n' } } }, 100, {
    signal: stop.signal, prefetch: 3, onEvent: (event) => { if (event.type === 'wave' && event.wave === 4) stop.abort(); },
  });
  expect(error).toBeUndefined();
  expect(under).toBe(0);
  const end = events.at(-1)!;
  expect(end).toEqual({ type: 'stopped', completed: running.snapshot()!.waves });
  expect(running.snapshot()!.waves).toBeGreaterThanOrEqual(5);
  expect(running.snapshot()!.waves).toBeLessThan(8);
  expect(running.snapshot()!.nodes.a!.state).toBe(running.snapshot()!.waves);
});

test('a node that is still starting when the stop comes may leave its work, and the run is stopped, not failed', async () => {
  const stop = new AbortController();
  let started = 0;
  const slow = counter({ starting: async (signal) => { started++; stop.abort(); await wait(5); signal.throwIfAborted(); } });
  const { events, error, running } = await record({ a: { type: slow }, b: { type: slow } }, 10, { signal: stop.signal });
  expect({ error, started, types: types(events), snapshot: running.snapshot() }).toEqual({ error: undefined, started: 1, types: ['stopped'], snapshot: undefined });
  const late = new AbortController();
  const failing = await record({ a: { type: counter({ starting: async () => { late.abort(); throw inputError('photos', 'there are none'); } }) } }, 10, { signal: late.signal });
  expect(failing.error?.message).toMatch(/photos: there are none/);
});

test('a wave whose steps were all under way when the stop came still completes', async () => {
  const stop = new AbortController();
  const slow = counter({ step: async (state, _inputs, { wave }) => { if (wave === 1) stop.abort(); await wait(2); return { state: state + 1, outputs: { n: state } }; } });
  const { running } = await record({ a: { type: slow }, b: { type: slow } }, 10, { signal: stop.signal, prefetch: 1 });
  // `b` had not begun wave 1 when `a` stopped the run, so wave 0 is the last.
  expect(running.snapshot()!.waves).toBe(1);
  const late = new AbortController();
  const other = counter({ step: async (state, _inputs, { wave }) => { if (wave === 1) setTimeout(() => late.abort(), 1); await wait(8); return { state: state + 1, outputs: { n: state } }; } });
  const second = await record({ a: { type: other }, b: { type: other } }, 10, { signal: late.signal, prefetch: 1 });
  expect(second.running.snapshot()!.waves).toBe(2);
});

test('a step that gives up because the run stops is no failure', async () => {
  const stop = new AbortController();
  const slow = counter({ step: async (_state, _inputs, { signal }) => { setTimeout(() => stop.abort(), 1); await wait(5); signal.throwIfAborted(); return { state: 0, outputs: {} }; } });
  const { error, events } = await record({ a: { type: slow } }, 5, { signal: stop.signal });
  expect(error).toBeUndefined();
  expect(events.at(-1)).toEqual({ type: 'stopped', completed: 0 });
});

test('a node that never stepped is named, with exit code 3', async () => {
  const { error, events } = await record({
    now: { type: some(() => false) }, odd: { type: some((wave) => wave % 2 === 1) }, even: { type: some((wave) => wave % 2 === 0) },
    held: { type: seen({ l: { latest: '@v' } }), in: { l: 'now.v' } },
    never: { type: seen({ a: '@v', b: '@v' }), in: { a: 'odd.v', b: 'even.v' } },
    after: { type: seen({ text: '@text' }), in: { text: 'never.text' } },
  }, 6);
  expect(error?.exitCode).toBe(3);
  expect(error?.message.split('\n')).toEqual([
    'RunError: the finished run has 3 issues',
    '  nodes.held: never stepped in 6 waves: now.v, which l holds, never had a value',
    '  nodes.never: never stepped in 6 waves: odd.v and even.v never came in the same wave',
    '  nodes.after: never stepped in 6 waves: never never stepped either',
  ]);
  expect(events.at(-1)).toEqual({ type: 'finished', waves: 6, already: false, unstepped: ['held', 'never', 'after'] });
});

test('a run shorter than its graph forgives what a known cadence keeps for later', async () => {
  const nodes = { now: { type: some((wave) => wave === 50, { cadence: 'every 50 waves' }) }, see: { type: seen({ v: '@v' }), in: { v: 'now.v' } } };
  for (const [waves, forgiven] of [[100, true], [undefined, false]] as const) {
    const plan = await compose({ nodes, ...(waves && { waves }) }, new Map(), fakeServices());
    const done = run(plan, { waves: 3, services: fakeServices() }).done;
    if (forgiven) expect(await done).toEqual({ type: 'finished', waves: 3, already: false, unstepped: ['see'] });
    else await expect(done).rejects.toThrow('never stepped in 3 waves: now.v never came');
  }
});

test('resuming a finished run says so and ends without starting a node', async () => {
  let started = 0;
  const first = await record({ a: { type: counter() } }, 4);
  const node = { ...counter(), start: () => { started++; throw new Error('not again'); } };
  const { events, error } = await record({ a: { type: node } }, 4, { saved: first.running.snapshot() });
  expect(error).toBeUndefined();
  expect(started).toBe(0);
  expect(events).toEqual([{ type: 'finished', waves: 4, already: true, unstepped: [] }]);
});

test('a checkpoint of another graph is refused', async () => {
  const first = await record({ a: { type: counter() } }, 2);
  const { error } = await record({ b: { type: counter() } }, 4, { saved: first.running.snapshot() });
  expect(error?.message).toContain('it holds no node "b"');
  expect(error?.exitCode).toBe(2);
});

test('events: started, waves in order with what was emitted, finished', async () => {
  const random = seeded(3);
  const jitter = counter({ step: async (state) => { await wait(random() * 3); return { state: state + 1, outputs: { n: state } }; } });
  const { events } = await record({ a: { type: jitter }, b: { type: jitter } }, 5, { prefetch: 3 });
  expect(types(events)).toEqual(['started', 'wave', 'wave', 'wave', 'wave', 'wave', 'finished']);
  const waves = events.filter((event) => event.type === 'wave');
  expect(waves.map((event) => [event.wave, event.completed, event.outputs])).toEqual(
    [0, 1, 2, 3, 4].map((n) => [n, n + 1, { a: { n }, b: { n } }]));
  const stepped = events.filter((event): event is SteppedEvent => event.type === 'stepped');
  expect(stepped.length).toBe(10);
  expect(stepped.every((event) => event.ms >= 0 && event.node in { a: 0, b: 0 })).toBe(true);
});

test('a promise from onEvent keeps further waves waiting, and its failure fails the run', async () => {
  let saving = false, overlapped = 0;
  const source = counter({ step: (state) => { if (saving) overlapped++; return { state: state + 1, outputs: { n: state } }; } });
  await record({ a: { type: source } }, 20, { prefetch: 1, onEvent: async (event) => { if (event.type === 'wave') { saving = true; await wait(1); saving = false; } } });
  expect(overlapped).toBe(0);
  const full = await record({ a: { type: counter() } }, 20, { onEvent: async (event) => { if (event.type === 'wave' && event.wave === 3) throw inputError('out', 'the disk is full'); } });
  expect(full.error?.message).toBe('InputError: out: the disk is full');
  expect(full.running.snapshot()!.waves).toBeGreaterThanOrEqual(4);
  const last = await record({ a: { type: counter() } }, 2, { onEvent: async (event) => { if (event.type === 'finished') throw new Error('no report'); } });
  expect(last.error?.message).toBe('no report');
});

test('the first value of an output is checked against its type', async () => {
  const wrong = (outputs: object) => counter({ outputs: { x: 'f32[B,2]' }, step: (state) => ({ state, outputs: outputs as Record<string, unknown> }) });
  const message = async (outputs: object) => (await record({ a: { type: wrong(outputs) } }, 1)).error?.message;
  expect(await message({ x: tensor('f32', [5, 2], new Float32Array(10)) })).toBeUndefined();
  expect(await message({ x: tensor('f32', [2, 5], new Float32Array(10)) })).toContain('x is f32[B,2], and it emits f32[2,5]');
  expect(await message({ x: 'text' })).toContain('not a tensor');
  expect(await message({ y: 1 })).toContain('it emits "y"; its outputs are x');
  const nothing = counter({ step: (() => undefined) as unknown as FakeNode['step'] });
  expect((await record({ a: { type: nothing } }, 1)).error?.message).toContain('its step must return { state, outputs }');
});

test('random numbers depend on seed, node, wave and name alone', async () => {
  const draw = counter({ step: (state, _inputs, wave) => ({ state, outputs: { n: wave.random('noise').uniform(1)[0]! } }) });
  const nodes = { a: { type: draw }, b: { type: draw } };
  const of = async (options: Partial<RunOptions>) => texts((await record(nodes, 3, options)).events, 'a');
  expect(await of({ seed: 5 })).toEqual(await of({ seed: 5, prefetch: 4 }));
  expect(await of({ seed: 5 })).not.toEqual(await of({ seed: 6 }));
  const { events } = await record(nodes, 3, { seed: 5 });
  expect(texts(events, 'a')).not.toEqual(texts(events, 'b'));
  expect(new Set(texts(events, 'a').map((text) => text.slice(3))).size).toBe(3);
});

test('many synchronous waves neither overflow the stack nor keep signals from being heard', async () => {
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 30);
  const { events } = await record({ a: { type: counter() } }, 10_000_000, { signal: stop.signal });
  expect(events.at(-1)!.type).toBe('stopped');
});

test('a value on a @stop port makes its wave the last one, whatever was under way', async () => {
  for (const prefetch of [1, 4]) {
    const stop = counter({ outputs: { stop: '@stop' }, step: (state) => ({ state: state + 1, outputs: state === 6 ? { stop: { says: 'seven are enough' } } : {} }) });
    const { events, running, error } = await record({ a: { type: counter() }, b: { type: stop } }, 50, { prefetch });
    expect(error).toBeUndefined();
    expect(events.at(-1)).toEqual({ type: 'finished', waves: 7, already: false, unstepped: [], early: { node: 'b', says: 'seven are enough' } });
    expect(types(events).filter((type) => type === 'wave').length).toBe(7);
    expect(running.snapshot()!.nodes.a!.state).toBe(7);
  }
});
