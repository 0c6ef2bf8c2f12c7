/** @file From a graph to a plan: what follows from it, and every mistake with its place. */
import { z } from 'zod';
import { check, compose } from '../../engine/dataflow/compose.js';
import type { GraphNode } from '../../engine/dataflow/graph.js';
import { defineNode, type CheckContext, type NodeType } from '../../engine/dataflow/node.js';
import { run } from '../../engine/dataflow/run.js';
import { inputError } from '../../engine/spec/issue.js';
import { show, type TensorShape } from '../../engine/spec/tensor-type.js';
import { fakeNode, fakeServices, typesOf } from './fake.js';

const idle = () => ({ state: 0, step: (state: number) => ({ state, outputs: {} }) });
const positive = z.int().positive();

const images = defineNode({
  name: 'data/images', about: 'Images.', config: z.strictObject({ batch: positive.default(64), resolution: positive, classes: positive.default(10) }), inputs: {},
  outputs: { image: 'f32[B,3,R,R]', index: 'i64[B]', label: 'i64<K>[B]' },
  dims: ({ batch, resolution, classes }) => ({ B: batch, R: resolution, K: classes }), start: idle,
});
const feature = defineNode({
  name: 'extractor/net', about: 'Features.', config: z.strictObject({ width: positive.default(512) }), inputs: { image: 'f32[N,3,H,H]' }, outputs: { feature: 'f32[N,F]' },
  dims: async ({ width }) => ({ F: width, H: 224 }), start: idle,
});
const cluster = defineNode({
  name: 'clusterer/k-means', about: 'Clusters.', config: z.strictObject({ k: positive }), version: 2,
  migrate: (config) => ({ k: (config as { clusters: number }).clusters }),
  inputs: { feature: 'f32[N,F]' }, outputs: { label: 'i64<K>[N]', table: '@table' }, dims: ({ k }) => ({ K: k }), start: idle,
});
const train = defineNode({
  name: 'train/gan', about: 'Trains.', config: z.strictObject({ lr: z.number().positive().default(1e-4), optimiser: z.strictObject({ type: z.string() }).optional() }),
  inputs: { image: 'f32[B,...S]', label: 'i64<K>[B]', 'table?': { latest: '@table' } }, outputs: { weights: '@weights', fake: 'f32[B,...S]' }, start: idle,
});
const types = typesOf(images, feature, cluster, train) as ReadonlyMap<string, NodeType>;
type Nodes = Readonly<Record<string, GraphNode>>;
const issuesOf = async (nodes: Nodes) => (await check({ nodes }, types, fakeServices())).issues;
const spelled = async (nodes: Nodes) => (await issuesOf(nodes)).map(({ at, says }) => `${at}: ${says}`);

const data: GraphNode = { type: 'data/images', config: { resolution: 32 } };
const trained: GraphNode = { type: 'train/gan', in: { image: 'data.image', label: 'data.label' } };

test('sizes, bounds and rests are learnt across the graph', async () => {
  const plan = await compose({
    nodes: { train: { ...trained, in: { image: 'data.image', label: 'data.label' } }, data, again: { type: 'train/gan', in: { image: 'train.fake', label: 'data.label' } } },
  }, types, fakeServices());
  expect(plan.nodes.map((node) => node.id)).toEqual(['data', 'train', 'again']);
  expect(show(plan.type('data', 'image') as TensorShape)).toBe('f32[64,3,32,32]');
  expect(show(plan.type('again', 'image') as TensorShape)).toBe('f32[64,3,32,32]');
  expect(show(plan.type('train', 'label') as TensorShape)).toBe('i64<10>[64]');
  expect([plan.type('train', 'weights'), plan.type('train', 'nothing')]).toEqual(['@weights', undefined]);
  expect([plan.size('train', 'K'), plan.size('train', 'Z'), plan.rest('again', 'S')]).toEqual([10, undefined, [3, 32, 32]]);
  expect(plan.nodes[0]!.config).toEqual({ batch: 64, resolution: 32, classes: 10 });
  expect(plan.nodes[1]!.edges[1]).toEqual({ port: 'label', type: 'i64<K>[B]', from: 'data', output: 'label', clock: 'event', optional: false });
});

test('an input and an output of one name may have sizes of their own', async () => {
  const crop = fakeNode('fake/crop', { inputs: { image: 'f32[N,3,H,H]' }, outputs: { image: 'f32[B,3,R,R]' }, step: (state) => ({ state, outputs: {} }) });
  const plan = await compose({ nodes: { data, crop: { type: { ...crop, dims: () => ({ B: 7, R: 8 }) }, in: { image: 'data.image' } }, net: { type: 'extractor/again', in: { image: 'crop.image' } } } },
    typesOf(images as NodeType, fakeNode('extractor/again', { inputs: { image: 'f32[N,3,H,H]' }, outputs: { feature: 'f32[N,H]' }, step: (state) => ({ state, outputs: {} }) })), fakeServices());
  expect([show(plan.type('crop', 'image') as TensorShape), show(plan.outputType('crop', 'image') as TensorShape)]).toEqual(['f32[64,3,32,32]', 'f32[7,3,8,8]']);
  expect([show(plan.type('net', 'image') as TensorShape), show(plan.outputType('net', 'feature') as TensorShape)]).toEqual(['f32[7,3,8,8]', 'f32[7,8]']);
  expect(plan.outputType('net', 'image')).toBeUndefined();
});

test('a graph with ten different mistakes reports all ten, each with its place and a remedy where there is one', async () => {
  const issues = await issuesOf({
    data: { type: 'data/images', config: { resolution: 32, bach: 16 } },
    good: { type: 'data/images', config: { resolution: 32 } },
    one: { type: 'clusterer/k-maens', config: { k: 3 } },
    two: { type: 'extractor/net', in: { image: 'goood.image' } },
    three: { type: 'extractor/net', in: { image: 'good.img' } },
    four: { type: 'extractor/net', in: { image: 'good.image' } },
    five: { type: 'train/gan', in: { image: 'good.image', label: 'good.index' } },
    six: { type: 'train/gan', in: { image: 'good.image' } },
    seven: { type: 'extractor/net', in: { image: 'good.index' } },
    eight: { type: 'train/gan', version: 3, in: { image: 'good.image', label: 'good.label' } },
    nine: { type: 'train/gan', config: { lr: -1 }, in: { image: 'good.image', label: 'good.label', tabble: 'five.weights' } },
    loop: { type: 'train/gan', in: { image: 'loop.fake', label: 'good.label' } },
  });
  expect(issues).toEqual([
    { at: 'nodes.data.config.bach', says: 'there is no such key; there are batch, resolution, classes', try: 'batch' },
    { at: 'nodes.one.type', says: 'there is no node type "clusterer/k-maens"; at hand are clusterer/k-means', try: 'clusterer/k-means' },
    { at: 'nodes.eight.version', says: '3 is newer than train/gan of this program, which is version 1' },
    { at: 'nodes.nine.config.lr', says: 'is -1; wants number >0' },
    { at: 'nodes.two.in.image', says: 'there is no node "goood"; there are data, good, one, two, three, four, five, six, seven, eight, nine, loop', try: 'good.image' },
    { at: 'nodes.three.in.image', says: 'good (data/images) has no output "img"; it has image, index, label' },
    {
      at: 'nodes.four.in.image', says: 'good.image is f32[B,3,R,R]; image wants f32[N,3,H,H]: dimension 2 disagrees',
      because: ['good.R = 32 (good.config.resolution)', 'four.H = 224 (four.config)'],
    },
    { at: 'nodes.five.in.label', says: 'good.index is i64[B]; label wants i64<K>[B]: its integers have no bound, and these must lie below K', try: 'good.label, which is i64<K>[B]' },
    { at: 'nodes.six.in.label', says: 'missing; wants i64<K>[B]' },
    { at: 'nodes.seven.in.image', says: 'good.index is i64[B]; image wants f32[N,3,H,H]: i64 is not f32' },
    { at: 'nodes.nine.in.tabble', says: 'train/gan has no input "tabble"; it has image, label, table', try: 'table' },
    { at: 'nodes.loop.in.image', says: 'loop -> loop is a cycle within one wave; a cycle must cross an input that is { previous }' },
  ].map((issue) => expect.objectContaining(issue)));
  expect(issues.length).toBe(12);
});

test('a setting that is a choice names its choices, and the one that was meant', async () => {
  const choice = defineNode({
    name: 'a/choice', about: 'Chooses.', inputs: {}, outputs: {}, start: idle,
    config: z.strictObject({
      layout: z.enum(['ring', 'grid']).default('ring'),
      part: z.discriminatedUnion('type', [z.strictObject({ type: z.literal('adam') }), z.strictObject({ type: z.literal('sgd') })]).optional(),
      size: z.union([z.number(), z.enum(['all'])]).optional(),
    }),
  });
  const found = await check({ nodes: { a: { type: 'a/choice', config: { layout: 'grdi', part: { type: 'adm' }, size: [] } } } }, typesOf(choice) as ReadonlyMap<string, NodeType>, fakeServices());
  expect(found.issues).toEqual([
    { at: 'nodes.a.config.layout', says: 'is "grdi"; wants one of "ring"|"grid"', try: 'grid' },
    { at: 'nodes.a.config.part.type', says: 'is "adm"; wants one of adam, sgd', try: 'adam' },
    { at: 'nodes.a.config.size', says: 'is []; wants number or "all"' },
  ]);
});

test('compose throws them all, under the name of the file, with what was found while reading it', async () => {
  const composed = compose({ nodes: { a: { type: 'no/such' } } }, types, fakeServices(), { file: 'g.json', issues: [{ at: 'nodes.a.confg', says: 'there is no such key' }] });
  await expect(composed).rejects.toMatchObject({ exitCode: 2, name: 'GraphError', message: expect.stringContaining('GraphError: g.json has 2 issues\n  nodes.a.confg: ') });
});

test('the design’s own example reads as it is printed there', async () => {
  const partition = defineNode({
    name: 'p', about: '', config: z.any(), inputs: {}, outputs: { logits: 'f32[N,K]', part: 'i64[N]' }, start: idle,
  });
  const user = defineNode({ name: 'u', about: '', config: z.any(), inputs: { part: 'i64[B]' }, outputs: {}, start: idle });
  const { issues } = await check({ nodes: { partition: { type: partition }, train: { type: user, in: { part: 'partition.logits' } } } }, types, fakeServices());
  expect(issues).toEqual([{ at: 'nodes.train.in.part', says: 'partition.logits is f32[N,K]; part wants i64[B]: f32 is not i64', try: 'partition.part, which is i64[N]' }]);
});

test('a missing input names the one output that would fit; a reference without an output, too', async () => {
  const [missing] = await issuesOf({ data, train: { type: 'train/gan', in: { label: 'data.label', image: 'data' } }, f: { type: 'clusterer/k-means', version: 2, config: { k: 2 } } });
  expect(missing).toEqual({ at: 'nodes.train.in.image', says: '"data" names no output; an edge is written "node.output"', try: 'data.image, which is f32[B,3,R,R]' });
  const issues = await issuesOf({ data, train: { type: 'train/gan', in: { image: 'data.image' } } });
  expect(issues).toEqual([{ at: 'nodes.train.in.label', says: 'missing; wants i64<K>[B]', try: 'data.label, which is i64<K>[B]' }]);
});

test('opaque types are compared by name, and @any takes everything', async () => {
  const any = fakeNode('any', { inputs: { a: '@any', b: '@any' }, step: (state) => ({ state, outputs: {} }) });
  const table = fakeNode('table', { inputs: { t: '@table' }, step: (state) => ({ state, outputs: {} }) });
  expect(await spelled({
    data, train: trained, any: { type: any, in: { a: 'train.weights', b: 'data.image' } },
    wrong: { type: table, in: { t: 'train.weights' } }, tensor: { type: table, in: { t: 'data.image' } },
  })).toEqual([
    'nodes.wrong.in.t: train.weights is @weights; t wants @table: @weights is not @table',
    'nodes.tensor.in.t: data.image is f32[B,3,R,R]; t wants @table: a tensor is not an opaque value',
  ]);
});

test('sizes travel with opaque values, too, unless one side keeps them to itself', async () => {
  const still = { step: (state: unknown) => ({ state, outputs: {} }) };
  const nodes = (wanted: `@${string}`): Nodes => ({
    source: { type: fakeNode('source', { outputs: { set: '@dataset[4,2,8]' }, ...still }) },
    draw: { type: fakeNode('draw', { inputs: { set: { latest: '@dataset[L,...S]' } }, outputs: { image: 'f32[N,...S]', label: 'i64<L>[N]' }, ...still }), in: { set: 'source.set' } },
    use: { type: fakeNode('use', { inputs: { set: { latest: wanted } }, ...still }), in: { set: 'source.set' } },
  });
  const plan = await compose({ nodes: nodes('@dataset') }, types, fakeServices());
  expect([plan.rest('draw', 'S'), plan.size('draw', 'L')]).toEqual([[2, 8], 4]);
  expect(await spelled(nodes('@dataset[L,3,R]'))).toEqual(['nodes.use.in.set: source.set is @dataset[4,2,8]; set wants @dataset[L,3,R]: dimension 1: 2 is not 3']);
  expect(await spelled(nodes('@data[L,2,R]'))).toEqual(['nodes.use.in.set: source.set is @dataset[4,2,8]; set wants @data[L,2,R]: @dataset is not @data']);
});

test('bounds agree like sizes', async () => {
  const below5 = fakeNode('five', { inputs: { label: 'i64<5>[N]' }, step: (state) => ({ state, outputs: {} }) });
  const [issue] = await issuesOf({ data, five: { type: below5, in: { label: 'data.label' } } });
  expect(issue).toEqual({
    at: 'nodes.five.in.label', says: 'data.label is i64<K>[B]; label wants i64<5>[N]: integers below K are not integers below 5',
    because: ['data.K = 10 (data.config.classes)', 'data.K = 5 (five.in.label)'],
  });
});

test('an older configuration is migrated; one that cannot be says so', async () => {
  const nodes = { data, feature: { type: 'extractor/net', in: { image: 'data.image' } }, c: { type: 'clusterer/k-means', config: { clusters: 7 }, in: { feature: 'feature.feature' } } };
  const plan = await compose({ nodes: { ...nodes, data: { ...data, config: { resolution: 224 } } } }, types, fakeServices());
  expect(plan.nodes.at(-1)!.config).toEqual({ k: 7 });
  const stuck = { ...cluster, migrate: undefined };
  const { issues } = await check({ nodes: { c: { type: stuck as NodeType, config: { k: 1 }, in: {} } } }, types, fakeServices());
  expect(issues[0]).toEqual({ at: 'nodes.c.version', says: "this configuration is of version 1; clusterer/k-means is version 2 and can't convert it" });
});

test('what a node type says of its own configuration becomes an issue at its place', async () => {
  const file = defineNode({
    name: 'extractor/onnx', about: '', config: z.object({ model: z.string() }), inputs: ({ model }) => { throw inputError(model, 'there is no such file'); }, outputs: {}, start: idle,
  });
  const sized = defineNode({ name: 's', about: '', config: z.any(), inputs: {}, outputs: {}, dims: () => { throw inputError('data.idx', 'it is truncated'); }, start: idle });
  const { issues } = await check({ nodes: { a: { type: file as NodeType, config: { model: 'x.onnx' }, in: { image: 'b.image' } }, b: { type: sized as NodeType } } }, types, fakeServices());
  expect(issues).toEqual([
    { at: 'nodes.a.config', says: 'x.onnx: there is no such file' }, { at: 'nodes.b.config', says: 'data.idx: it is truncated' },
    { at: 'nodes.a.in.image', says: 'b (s) has no output "image"; it has none' },
  ]);
});

test('a node whose type or configuration is wrong brings no second issue upon its readers', async () => {
  expect(await spelled({ data: { type: 'data/imagse' }, train: trained })).toEqual([
    'nodes.data.type: there is no node type "data/imagse"; at hand are data/images']);
  expect(await spelled({ data: { type: 'data/images' }, train: trained })).toEqual(['nodes.data.config.resolution: missing; wants number']);
});

test('ports may be computed from the configuration', async () => {
  const wide = defineNode({
    name: 'wide', about: '', config: z.object({ width: positive }), inputs: {}, outputs: ({ width }): Record<string, `f32[N,${number}]`> => ({ feature: `f32[N,${width}]` }), start: idle,
  });
  const plan = await compose({
    nodes: { wide: { type: wide as NodeType, config: { width: 9 } }, c: { type: 'clusterer/k-means', version: 2, config: { k: 2 }, in: { feature: 'wide.feature' } } },
  }, types, fakeServices());
  expect(plan.size('c', 'F')).toBe(9);
});

test('a cycle that crosses previous is legal, a longer one within a wave is named in the order of the data', async () => {
  const pass = (clock: 'event' | 'previous') => fakeNode('pass', {
    inputs: { v: clock === 'event' ? '@v' : { previous: '@v' } }, outputs: { v: '@v' }, step: (state) => ({ state, outputs: {} }),
  });
  const ring = (last: NodeType): Nodes => ({ a: { type: last, in: { v: 'c.v' } }, b: { type: pass('event'), in: { v: 'a.v' } }, c: { type: pass('event'), in: { v: 'b.v' } } });
  expect(await spelled(ring(pass('previous')))).toEqual([]);
  expect(await spelled(ring(pass('event')))).toEqual(['nodes.a.in.v: a -> b -> c -> a is a cycle within one wave; a cycle must cross an input that is { previous }']);
});

test('events of different known cadence into one node are an issue, unless one of them is held', async () => {
  const source = fakeNode('source', { outputs: { v: '@v' }, step: (state) => ({ state, outputs: {} }) });
  const slow = fakeNode('slow', { inputs: { v: '@v' }, outputs: { now: '@now' }, cadence: 'every 9 waves', step: (state) => ({ state, outputs: {} }) });
  const through = fakeNode('through', { inputs: { now: '@now' }, outputs: { now: '@now' }, step: (state) => ({ state, outputs: {} }) });
  const both = (held: boolean) => fakeNode('both', { inputs: { v: '@v', now: held ? { latest: '@now' } : '@now' }, step: (state) => ({ state, outputs: {} }) });
  const nodes = (held: boolean): Nodes => ({
    source: { type: source }, slow: { type: slow, in: { v: 'source.v' } }, through: { type: through, in: { now: 'slow.now' } },
    both: { type: both(held), in: { v: 'source.v', now: 'through.now' } },
  });
  expect(await spelled(nodes(true))).toEqual([]);
  expect(await spelled(nodes(false))).toEqual([
    'nodes.both.in.now: through.now ticks every 9 waves; source.v ticks every wave: a node steps only in the waves in which all its events arrive']);
  const plan = await compose({ nodes: nodes(true) }, types, fakeServices());
  expect(Object.fromEntries(plan.nodes.map((node) => [node.id, node.cadence]))).toEqual({ source: 'every wave', slow: 'every wave', through: 'every 9 waves', both: 'every wave' });
});

test('a size that the graph leaves open is an error of the node that asks for it, naming the port', async () => {
  const asks = defineNode({ name: 'asks', about: '', config: z.any(), inputs: { x: 'f32[N,W]' }, outputs: {}, start: (_config, { size }) => { size('W'); return idle(); } });
  const gives = defineNode({ name: 'gives', about: '', config: z.any(), inputs: {}, outputs: { x: 'f32[N,Q]' }, start: idle });
  const plan = await compose({ nodes: { gives: { type: gives as NodeType }, asks: { type: asks as NodeType, in: { x: 'gives.x' } } } }, types, fakeServices());
  await expect(run(plan, { waves: 1, services: fakeServices() }).done).rejects.toThrow('nodes.asks: the size W of x, which is f32[N,W], is open');
});

test('a graph without nodes is none', async () => {
  expect(await spelled({})).toEqual(['nodes: the graph has no nodes']);
});

test('what a node says of its composed place is an issue there', async () => {
  const picky = fakeNode('picky', { inputs: { 'x?': 'f32[N]' }, outputs: { y: 'f32[3]' }, step: (state) => ({ state, outputs: {} }) });
  const type = { ...picky, check: (_config: unknown, { node, wired, type }: CheckContext) => {
    if (!wired('x')) throw inputError(`nodes.${node}.in`, `x is not wired; y is [${type('y').dims}]`, { try: 'wiring x' });
  } };
  const { issues } = await check({ nodes: { a: { type } } }, new Map(), fakeServices());
  expect(issues).toEqual([{ at: 'nodes.a.in', says: 'x is not wired; y is [3]', try: 'wiring x' }]);
  const { plan } = await check({ nodes: { a: { type, in: { x: 'b.y' } }, b: { type: fakeNode('source', { outputs: { y: 'f32[3]' }, step: (state) => ({ state, outputs: {} }) }) } } }, new Map(), fakeServices());
  expect(plan).toBeDefined();
});
