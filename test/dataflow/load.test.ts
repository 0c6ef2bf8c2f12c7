/** @file Graph files: JSON, versions, extension, settings, and what is said when they are wrong. */
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseJson } from '../../engine/dataflow/json-text.js';
import { load, read } from '../../engine/dataflow/load.js';
import { graphSchema } from '../../engine/dataflow/schema.js';
import { applySets } from '../../engine/dataflow/sets.js';
import { fakeNode, typesOf } from './fake.js';

let folder = '';
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'graphs-')); });
afterAll(() => rm(folder, { recursive: true, force: true }));

async function file(name: string, value: unknown): Promise<string> {
  const path = join(folder, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, typeof value === 'string' ? value : JSON.stringify(value));
  return path;
}
const ring = {
  $schema: './graph.schema.json', gantry: 1, about: 'A ring.', waves: 100, seed: 3, plugins: ['core', './own.js'],
  nodes: {
    data: { type: 'data/mixture', config: { batch: 64, noise: 0.1 } },
    label: { type: 'label/cluster', in: { image: 'data.image' } },
    train: { type: 'train/gan', config: { optimiser: { type: 'adam', lr: 1 } }, in: { image: 'data.image', label: 'label.label', extra: 'label.other' } },
  },
};

test('a file is read as it stands', async () => {
  const { $schema, ...rest } = ring;
  expect(await load(await file('ring.json', ring))).toEqual({ ...rest, $schema, plugins: ['core', join(folder, 'own.js')] });
});

test('a file lies over the one that it extends: nodes by id, config and edges by key, null removes', async () => {
  await file('ring.json', ring);
  await file('deep/random.json', {
    gantry: 1, extends: '../ring.json', about: 'Random labels.', plugins: ['more'], waves: 50,
    nodes: { label: { type: 'label/random' }, data: { config: { batch: 8 } }, train: { in: { image: 'data.noisy', extra: null } } },
  });
  const top = await file('deep/top.json', { gantry: 1, extends: './random.json', nodes: { train: { config: { lr: 2 } }, added: { type: 'x/y' } } });
  expect(await load(top)).toEqual({
    $schema: './graph.schema.json', gantry: 1, about: 'Random labels.', waves: 50, seed: 3, plugins: ['core', join(folder, 'own.js'), 'more'],
    nodes: {
      data: { type: 'data/mixture', config: { batch: 8, noise: 0.1 } }, label: { type: 'label/random' },
      train: { type: 'train/gan', config: { optimiser: { type: 'adam', lr: 1 }, lr: 2 }, in: { image: 'data.noisy', label: 'label.label' } },
      added: { type: 'x/y' },
    },
  });
  const without = await load(await file('without.json', { gantry: 1, extends: 'ring.json', nodes: { label: null } }));
  expect(Object.keys(without.nodes)).toEqual(['data', 'train']);
});

test('a key with dots changes a part of a setting and leaves the rest, as --set does', async () => {
  await file('ring.json', ring);
  const slower = await file('slower.json', { gantry: 1, extends: 'ring.json', nodes: { train: { config: { 'optimiser.lr': 0.5, 'options.guide.weight': 3 } } } });
  expect((await load(slower)).nodes.train!.config).toEqual({ optimiser: { type: 'adam', lr: 0.5 }, options: { guide: { weight: 3 } } });
  expect(await load(slower)).toEqual(await load(await file('about.json', { gantry: 1, extends: 'ring.json', nodes: {} }), ['train.config.optimiser.lr=0.5', 'train.config.options.guide.weight=3']));
  await expect(load(await file('no-parts.json', { gantry: 1, extends: 'ring.json', nodes: { train: { config: { 'optimiser.lr.warm': 1 } } } }))).rejects.toThrow('nodes.train.config.optimiser.lr.warm: optimiser.lr has no parts');
});

test('a circle of extensions, a file that is absent, and a base with mistakes are told', async () => {
  await file('a.json', { gantry: 1, extends: './b.json' });
  const b = await file('b.json', { gantry: 1, extends: './a.json' });
  await expect(load(b)).rejects.toThrow(/a\.json: extends: b\.json extends a\.json extends b\.json: a circle/);
  await expect(load(join(folder, 'nowhere.json'))).rejects.toMatchObject({ exitCode: 2, message: `InputError: ${join(folder, 'nowhere.json')}: there is no such file` });
  await expect(load(await file('c.json', { gantry: 1, extends: './nowhere.json' }))).rejects.toThrow(/nowhere\.json: there is no such file\n {2}because .*c\.json extends it/);
  await file('wrong.json', { gantry: 1, nodez: {}, nodes: {} });
  await expect(load(await file('d.json', { gantry: 1, extends: './wrong.json' }))).rejects.toThrow('wrong.json: nodez: there is no such key');
});

test('everything that does not belong in a file is an issue', async () => {
  const path = await file('bad.json', {
    gantry: 1, wave: 3, waves: 0, seed: 'x', plugins: 'core',
    nodes: { 'a.b': { type: 'x/y' }, a: 3, b: { typ: 'x/y' }, c: { type: 'x/y', config: [], in: { image: 7 }, version: 1.5 }, d: null },
  });
  const { issues } = await read(path);
  expect(issues.map(({ at, says, try: remedy }) => `${at}: ${says}${remedy ? ` -> ${remedy}` : ''}`)).toEqual([
    'wave: there is no such key; there are $schema, gantry, about, extends, waves, seed, prefetch, nodes, plugins -> waves',
    'waves: is 0; wants an integer of at least 1', 'seed: is "x"; wants an integer of at least 0', 'plugins: is "core"; wants a list of names',
    'nodes.a.b: a node is named by a letter, then letters, digits, "-" and "_"', 'nodes.a: is 3; wants a node { type, config, in }',
    'nodes.b.typ: there is no such key; there are type, version, config, in -> type', 'nodes.c.config: is []; wants an object',
    'nodes.c.version: is 1.5; wants an integer of at least 1', 'nodes.c.in.image: is 7; wants "node.output"',
    'nodes.b.type: missing; wants the name of a node type', 'nodes.d: null removes a node, and there is none to remove',
  ]);
  await expect(load(path)).rejects.toMatchObject({ name: 'GraphError', exitCode: 2 });
  await expect(load(await file('list.json', []))).rejects.toThrow('a graph is an object');
  await expect(load(await file('old.json', { nodes: {} }))).rejects.toThrow('gantry: missing; wants the version of the file format, 1');
});

test('a file of a newer format says so, and nothing else', async () => {
  await expect(load(await file('new.json', { gantry: 2, whatever: 1 }))).rejects.toThrow(
    'gantry: the file is of format 2; this program reads formats up to 1\n    try a newer gantry');
});

test.each([
  ['{\n  "gantry": 1,\n  "nodes": {\n}', 4, 2, 'the text ends where "," or "}" is wanted'],
  ['{ "a": 1, }', 1, 11, 'a comma before "}"'],
  ['{ a: 1 }', 1, 3, '"a" where a key in double quotes is wanted'],
  ['{ "a" 1 }', 1, 7, '"1" where ":" is wanted'],
  ['{ "a": tru }', 1, 8, '"t" where a value is wanted'],
  ['{ "a": 01 }', 1, 9, '"1" where "," or "}" is wanted'],
  ['{\n// no\n}', 2, 1, '"/" where a key in double quotes is wanted'],
  ['[1, // no\n2]', 1, 5, 'a comment; JSON has none'],
  ['{} x', 1, 4, '"x" after the end'],
  ['', 1, 1, 'the text ends where a value is wanted'],
])('%j is no JSON, and the place is told', async (text, line, column, says) => {
  const parsed = parseJson(text);
  expect(parsed.broken && [parsed.broken.line, parsed.broken.column, parsed.broken.says]).toEqual([line, column, says]);
  expect(() => JSON.parse(text)).toThrow();
  const path = await file('broken.json', text);
  await expect(load(path)).rejects.toMatchObject({ exitCode: 2, message: `InputError: ${path}:${line}:${column}: this is not JSON: ${says}` });
});

test('JSON is read as JSON.parse reads it, and a key given twice is told', async () => {
  const text = ' {"a":[1,-2.5e3,true,null,"x\\n\\u00e9\\"",{}],"b":{"__proto__":{"c":[[],[0]]}},"":0}\n';
  expect(parseJson(text)).toEqual({ value: JSON.parse(text), issues: [] });
  const path = await file('twice.json', '{ "gantry": 1,\n "nodes": { "a": { "type": "x/y", "in": { "image": "b.c",\n "image": "d.e" } } } }');
  expect((await read(path)).issues).toEqual([{ at: 'nodes.a.in.image', says: 'this key is given twice (line 3, column 2)' }]);
});

test('settings reach into configurations, edges and the graph itself', () => {
  const { graph, issues } = applySets(ring, [
    'data.config.batch=8', 'data.config.path=../shared/data', 'train.config.optimiser.betas=[0,0.9]', 'train.config.optimiser.betas.1=0.99',
    'label.type=label/random', 'train.in.label=data.label', 'label.config.deep.er=true', 'waves=200', 'about="7"',
  ]);
  expect(issues).toEqual([]);
  expect(graph.nodes.data!.config).toEqual({ batch: 8, noise: 0.1, path: '../shared/data' });
  expect(graph.nodes.train!.config).toEqual({ optimiser: { type: 'adam', lr: 1, betas: [0, 0.99] } });
  expect(graph.nodes.train!.in!.label).toBe('data.label');
  expect(graph.nodes.label).toMatchObject({ type: 'label/random', config: { deep: { er: true } } });
  expect([graph.waves, graph.about]).toEqual([200, '7']);
  expect(ring.nodes.data.config).toEqual({ batch: 64, noise: 0.1 });
});

test('a setting that reaches nothing is an issue that names what is near', () => {
  const { graph, issues } = applySets(ring, ['dta.config.batch=8', 'wave=3', 'waves=x', 'data.confg.batch=8', 'data.batch=8', 'nonsense', 'data.config.batch.x=1', 'train.in.label=3', '=1']);
  expect(graph).toEqual(ring);
  expect(issues.map(({ at, says, try: remedy }) => `${at}: ${says}${remedy ? ` -> ${remedy}` : ''}`)).toEqual([
    '--set dta.config.batch=8: there is no node "dta"; there are data, label, train -> data',
    '--set wave=3: there is no key "wave" of the graph to set; there are about, waves, seed, prefetch, plugins -> waves',
    '--set waves=x: waves wants an integer of at least 1',
    '--set data.confg.batch=8: a node has no "confg"; it has type, version, config, in -> config',
    '--set data.batch=8: a node has no "batch"; it has type, version, config, in -> data.config.batch',
    '--set nonsense: a setting is written node.config.key=value, or key=value for the graph itself',
    '--set data.config.batch.x=1: data.config.batch has no parts',
    '--set train.in.label=3: an edge is set by train.in.port=node.output',
    '--set =1: a setting is written node.config.key=value, or key=value for the graph itself',
  ]);
});

test('the schema has a branch for every node type: its configuration and its ports', () => {
  const node = { ...fakeNode('train/gan', { inputs: { image: 'f32[B,3]', 'table?': { latest: '@table' } }, step: (state) => ({ state, outputs: {} }) }), version: 2 };
  // biome-ignore lint/suspicious/noExplicitAny: JSON
  const schema = graphSchema(typesOf(node)) as any;
  expect(Object.keys(schema.properties)).toEqual(['$schema', 'gantry', 'about', 'plugins', 'extends', 'waves', 'seed', 'prefetch', 'nodes']);
  expect(schema.$defs.node.properties.type.anyOf).toEqual([{ const: 'train/gan', description: 'A fake.' }]);
  const { if: when, then } = schema.$defs.node.allOf[0];
  expect(when.properties.type.const).toBe('train/gan');
  expect(then.required).toEqual(['version', 'in']);
  expect(then.properties.in.required).toEqual(['image']);
  expect(then.properties.in.properties.table.description).toBe('latest @table');
});
