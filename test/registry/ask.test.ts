/** @file Asking a graph for values: only what they depend on is started, it stays open while they are used, and failures are those of its nodes. */
import { z } from 'zod';
import { defineNode, type NodeType } from '../../engine/dataflow/node.js';
import type { Graph } from '../../engine/dataflow/graph.js';
import { ask, sourceOf, upstream } from '../../engine/registry/ask.js';
import { createEngine, type Engine } from '../../engine/registry/engine.js';

let engine: Engine;
beforeAll(async () => { engine = await createEngine(); });
afterAll(async () => { await engine.close(); });

const events: string[] = [];
beforeEach(() => { events.length = 0; });
const node = (name: string, inputs: object, output: object, step: (inputs: Record<string, unknown>) => unknown): NodeType => defineNode({
  name: `test/${name}`, about: name, config: z.strictObject({}), inputs: inputs as never, outputs: output as never,
  start: () => {
    events.push(`start ${name}`);
    return { state: 0, step: (state: number, given: object) => ({ state, outputs: { out: step(given as Record<string, unknown>) } as never }), close: () => { events.push(`close ${name}`); } };
  },
}) as unknown as NodeType;

const graph: Graph = {
  waves: 100,
  nodes: {
    source: { type: node('source', {}, { out: '@number' }, () => 20) },
    double: { type: node('double', { x: { latest: '@number' } }, { out: '@double' }, ({ x }) => 2 * (x as number)), in: { x: 'source.out' } },
    train: { type: node('train', { d: '@double' }, { out: '@weights' }, () => 'trained'), in: { d: 'double.out' } },
    silent: { type: node('silent', {}, { out: '@nothing' }, () => undefined) },
  },
};
const loaded = { graph, issues: [] };

test('only what the values depend on is started, and it stays open until the asker is done', async () => {
  const held = await ask(engine, loaded, { twice: 'double.out', once: 'source.out' });
  expect(held.values).toEqual({ twice: 40, once: 20 });
  expect(events).toEqual(['start source', 'start double']);
  await held.close();
  expect(events.slice(2).sort()).toEqual(['close double', 'close source']);
});

test('a value that does not come is named', async () => {
  await expect(ask(engine, loaded, { nothing: 'silent.out' })).rejects.toThrow('silent.out, which nothing holds, never had a value');
});

test('the nearest source of an opaque type is found through the nodes between', async () => {
  const plan = await engine.compose(loaded);
  expect([sourceOf(plan, 'train', '@double'), sourceOf(plan, 'train', '@number'), sourceOf(plan, 'train', '@weights')]).toEqual(['double.out', 'source.out', undefined]);
  expect(Object.keys(upstream(graph, ['double']).nodes)).toEqual(['source', 'double']);
});
