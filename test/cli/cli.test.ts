/** @file The command line as people use it: exit codes, messages, and what is where afterwards. */
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createFolder, GRAPH, type Folder } from './fixture.js';

let folder: Folder;
beforeAll(() => { folder = createFolder(); });
afterAll(() => folder.remove());

test('misspelt commands and options get suggestions and exit code 2', async () => {
  const [command, option, none] = await Promise.all([folder.gantry('chek', 'graph.json'), folder.gantry('check', '--jsn', 'graph.json'), folder.gantry('check')]);
  expect(command).toMatchObject({ code: 2, err: expect.stringContaining('Did you mean check?') });
  expect(option).toMatchObject({ code: 2, err: expect.stringContaining('Did you mean --json?') });
  expect(none).toMatchObject({ code: 2, err: expect.stringContaining("missing required argument 'graphs'") });
});

test('check shows the nodes of a graph that composes, with a plugin outside the package', async () => {
  const { code, out, err } = await folder.gantry('check', 'graph.json');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toMatch(/count +test\/count +value @number, metrics @metrics\nsum .*\ngraph.json composes: 2 nodes, 2 edges, 20 waves\n/);
});

test('check of several graphs has a line each, and says what is wrong of each that does not compose', async () => {
  folder.write('no-node.json', { ...GRAPH, nodes: { count: { type: 'test/cuont' } } });
  const { code, out, err } = await folder.gantry('check', 'graph.json', 'no-node.json', 'nowhere.json', 'graph.json');
  expect(code).toBe(2);
  expect(out).toBe(`${'graph.json composes: 2 nodes, 2 edges, 20 waves\n'.repeat(2)}2 of 4 graphs compose\n`);
  expect(err).toMatch(/GraphError: no-node.json has 1 issue\n.*"test\/cuont"/);
  expect(err).toMatch(/InputError: nowhere.json: /);
});

test('a graph with ten mistakes has ten issues, each with its place, and exit code 2', async () => {
  folder.write('wrong.json', {
    gantry: 1, plugins: ['./plugin.mjs', './absent.mjs'], waves: 0, wave: 3,
    nodes: {
      a: { type: 'test/cuont' },
      b: { type: 'test/count', config: { step: 'two' } },
      c: { type: 'test/count', config: { stp: 2 } },
      d: { type: 'test/sum', in: { value: 'nobody.value' } },
      e: { type: 'test/sum', in: { value: 'good.vaule' } },
      f: { type: 'test/sum', in: { value: 'good.metrics' } },
      g: { type: 'test/sum', in: {} },
      h: { type: 'test/sum', in: { value: 'good.value', valeu: 'good.value' } },
      good: { type: 'test/count' },
    },
  });
  const { code, err, events } = await folder.gantry('check', '--json', 'wrong.json');
  expect(code).toBe(2);
  expect(err).toMatch(/GraphError: wrong.json has 10 issues/);
  expect(err).toMatch(/there is no node type "test\/cuont".*\n.*because a plugin that did not load may define it: .*absent.mjs\n.*try test\/count/);
  expect(err).toMatch(/warning: .*plugin ".*absent.mjs": there is no file/);
  expect(err).not.toMatch(/\n {4}at /);
  const places = events.filter(({ type }) => type === 'issue').map(({ at }) => at);
  expect(places).toHaveLength(10);
  for (const place of ['a.type', 'b.config.step', 'c.config.stp', 'd.in.value', 'e.in.value', 'f.in.value', 'g.in.value', 'h.in.valeu']) expect(places).toContain(`nodes.${place}`);
});

test('a run leaves its directory behind; another one there is refused', async () => {
  const first = await folder.gantry('run', 'graph.json', '--json', '--out', 'done', '--checkpoint-every', '10');
  expect(first.code).toBe(0);
  expect(first.events.at(-1)).toMatchObject({ type: 'finished', waves: 20, metrics: { 'count.n': 40, 'sum.total': 420 } });
  expect(readdirSync(join(folder.path, 'done'))).toEqual(expect.arrayContaining(['checkpoints', 'graph.json', 'metrics.jsonl', 'report.html', 'run.json']));
  expect(readdirSync(join(folder.path, 'done/checkpoints'))).toEqual(['wave-000000010', 'wave-000000020']);
  const again = await folder.gantry('run', 'graph.json', '--out', 'done');
  expect(again).toMatchObject({ code: 2, err: expect.stringMatching(/InputError: done: it holds a run already\n {2}try --resume done/) });
});

test('a checkpoint says the metrics of its own wave, though others are under way', async () => {
  folder.write('ahead.json', { ...GRAPH, prefetch: 4 });
  expect(await folder.gantry('run', 'ahead.json', '--out', 'ahead', '--checkpoint-every', '1', '--keep', '20')).toMatchObject({ code: 0 });
  const saved = readdirSync(join(folder.path, 'ahead/checkpoints')).map((name) =>
    JSON.parse(readFileSync(join(folder.path, 'ahead/checkpoints', name, 'manifest.json'), 'utf8')) as { readonly waves: number; readonly metrics: { readonly 'count.n': number } });
  expect(saved.map(({ metrics }) => metrics['count.n'])).toEqual(Array.from({ length: 20 }, (_, i) => 2 * (i + 1)));
});

test.each([
  ['could not begin', 'count.config.opens=false', 'InputError: node "count" (test/count): counter: it was told not to open\n'],
  ['failed in its first wave', 'count.config.failing=0', 'InputError: node "count" (test/count), wave 0: counter: it was told to fail\n'],
])('a run that %s leaves nothing in the way of the next try, and touches nothing of others', async (_, setting, err) => {
  expect(await folder.gantry('run', 'graph.json', '--out', 'again', '--set', setting)).toMatchObject({ code: 2, err });
  expect(readdirSync(folder.path)).not.toContain('again');
  expect(await folder.gantry('run', 'graph.json', '--set', setting)).toMatchObject({ code: 2, err });
  expect(readdirSync(join(folder.path, 'runs'))).toEqual([]);
  mkdirSync(join(folder.path, 'again'));
  folder.write('again/remarks.txt', 'mine');
  expect(await folder.gantry('run', 'graph.json', '--out', 'again', '--set', setting)).toMatchObject({ code: 2, err });
  expect(readdirSync(join(folder.path, 'again'))).toEqual(['remarks.txt']);
  expect(await folder.gantry('run', 'graph.json', '--out', 'again')).toMatchObject({ code: 0 });
  rmSync(join(folder.path, 'again'), { recursive: true });
});

test('a run that fails after its first wave keeps what it has, and so does one that fails after a resume', async () => {
  const failed = await folder.gantry('run', 'graph.json', '--out', 'second', '--set', 'count.config.failing=1');
  expect(failed).toMatchObject({ code: 2, err: expect.stringContaining('no checkpoint was written yet; the run is in second') });
  expect(await folder.gantry('run', '--resume', 'second')).toMatchObject({ code: 2 });
  expect(readdirSync(join(folder.path, 'second'))).toEqual(expect.arrayContaining(['graph.json', 'metrics.jsonl', 'report.html', 'run.json']));
});

test('the best checkpoint is that of a metric of a node that has metrics', async () => {
  expect(await folder.gantry('run', 'graph.json', '--best', 'cuont.n')).toMatchObject({ code: 2, err: 'InputError: --best cuont.n: it wants node.name, and nodes with metrics are count, sum\n' });
});

test('a resumed run is finished, or of another graph or seed, and says so', async () => {
  expect(await folder.gantry('run', 'graph.json', '--out', 'short', '--waves', '4')).toMatchObject({ code: 0 });
  expect(await folder.gantry('run', '--resume', 'short', '--waves', '4')).toMatchObject({ code: 0, err: expect.stringContaining('short is finished: all its 4 waves are done') });
  const other = await folder.gantry('run', 'graph.json', '--resume', 'short', '--set', 'count.config.step=3', '--seed', '9');
  expect(other).toMatchObject({ code: 2 });
  expect(other.err).toMatch(/because seed: 1 there, 9 here\n.*because nodes.count.config.step: 2 there, 3 here/);
  expect(await folder.gantry('run', '--resume', 'nowhere')).toMatchObject({ code: 2, err: expect.stringContaining('nowhere') });
});

test('a step that fails names node, wave and the checkpoint, and ends with its exit code', async () => {
  const { code, err, events } = await folder.gantry('run', 'graph.json', '--json', '--out', 'failed', '--set', 'count.config.failing=7', '--checkpoint-every', '5');
  expect(code).toBe(2);
  expect(err).toMatch(/node "count" \(test\/count\), wave 7: counter: it was told to fail\n {2}because the last good checkpoint is wave 5, in failed\/checkpoints/);
  expect(err).not.toMatch(/\n {4}at /);
  expect(events.at(-1)).toMatchObject({ type: 'error', exitCode: 2 });
});

test('Ctrl-C saves the last completed wave and exits 75; resumed, the run ends with the same bytes as one that was never stopped', async () => {
  const settings = ['graph.json', '--set', 'count.config.slow=20', '--waves', '60', '--checkpoint-every', '1000'];
  const { child, ended } = folder.start('run', ...settings, '--json', '--out', 'stopped');
  await new Promise<void>((resolve) => child.stdout!.on('data', (text) => { if (String(text).includes('"wave"')) resolve(); }));
  child.kill('SIGINT');
  child.kill('SIGINT'); // together with the first: npm passes a terminal's Ctrl-C on once more
  const stopped = await ended;
  expect(stopped.code).toBe(75);
  expect(stopped.err).toMatch(/go on with: gantry run --resume .*stopped/);
  const waves = (stopped.events.at(-1) as { waves: number }).waves;
  expect(stopped.events.at(-1)).toMatchObject({ type: 'stopped', metrics: { 'count.n': 2 * waves } });
  expect(waves).toBeLessThan(60);
  const [resumed, whole] = await Promise.all([folder.gantry('run', '--resume', 'stopped', '--json'), folder.gantry('run', ...settings, '--out', 'whole')]);
  expect(resumed).toMatchObject({ code: 0 });
  expect(resumed.events.find(({ type }) => type === 'started')).toMatchObject({ from: waves, waves: 60 });
  expect(whole).toMatchObject({ code: 0 });
  for (const file of ['manifest.json', 'tensors.safetensors']) {
    const read = (run: string) => readFileSync(join(folder.path, run, 'checkpoints/wave-000000060', file));
    expect(read('stopped').equals(read('whole'))).toBe(true);
  }
});

test('a second Ctrl-C ends at once with 130', async () => {
  const { child, ended } = folder.start('run', 'graph.json', '--set', 'count.config.slow=8000', '--json', '--out', 'insisted');
  await new Promise<void>((resolve) => child.stdout!.on('data', (text) => { if (String(text).includes('"started"')) resolve(); }));
  setTimeout(() => child.kill('SIGINT'), 400);
  setTimeout(() => child.kill('SIGINT'), 900);
  expect(await ended).toMatchObject({ code: 130 });
});

test('a place that can not be written is an error of the user', async () => {
  mkdirSync(join(folder.path, 'busy'));
  folder.write('busy/file', 'not a folder');
  expect(await folder.gantry('run', 'graph.json', '--out', 'busy/file/run')).toMatchObject({ code: 2, err: expect.stringContaining('busy/file') });
});

test('nodes describes a type, and suggests for a misspelt one', async () => {
  const [page, wrong, json] = await Promise.all([
    folder.gantry('nodes', 'test/count', '--plugin', './plugin.mjs'), folder.gantry('nodes', 'test/cuont', '--plugin', './plugin.mjs'),
    folder.gantry('nodes', 'test/sum', '--plugin', './plugin.mjs', '--json'),
  ]);
  expect(page).toMatchObject({ code: 0, out: expect.stringMatching(/plugin test, version 1[\s\S]*step +integer +default 1 +added in every wave/) });
  expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining('try test/count') });
  expect(json.events[0]).toMatchObject({ name: 'test/sum', plugin: 'test', inputs: [{ name: 'value', clock: 'event' }, { name: 'before', clock: 'previous', optional: true }] });
});

test('show draws the graph', async () => {
  const [text, mermaid] = await Promise.all([folder.gantry('show', 'graph.json'), folder.gantry('show', 'graph.json', '--format', 'mermaid')]);
  expect(text).toMatchObject({ code: 0, out: expect.stringMatching(/sum {2}\(test\/sum\)\n {2}value +<- count.value\n {2}before +<- count.value {2}\(previous\)/) });
  expect(mermaid.out).toMatch(/^flowchart LR\n/);
});

test('graphs know how long they are, or are told', async () => {
  const { waves: _, ...endless } = GRAPH;
  folder.write('endless.json', endless);
  expect(await folder.gantry('run', 'endless.json')).toMatchObject({ code: 2, err: expect.stringContaining('it does not say how many waves a run has') });
});

test('reproduce reruns the rows of a table, and does not run twice what is finished', async () => {
  const args = ['reproduce', 'test-table', '--plugin', './plugin.mjs', '--cells', 'waves/by-one'];
  const { code, events } = await folder.gantry(...args, '--json');
  expect(code).toBe(0);
  expect(events).toEqual([{ table: 'test-table', row: 'By one', data: 'waves', metric: 'sum, %', ours: { mean: 21000, se: 0, trials: 2 }, paper: { mean: 21000, se: 0 } }]);
  const again = await folder.gantry(...args);
  expect(again.out).toMatch(/\| By one \| waves \| ours \(2\) \| 21000.0 ± 0.0 \|\n\| +\| +\| paper +\| 21000.0 ± 0.0 \|/);
  expect(again.err).not.toMatch(/done after/);
  const changed = await folder.gantry(...args, '--set', 'count.config.step=2');
  expect(changed).toMatchObject({ code: 2, err: expect.stringContaining('count') });
  const other = await folder.gantry(...args, '--set', 'count.config.step=2', '--out', 'other', '--json');
  expect(other.events).toMatchObject([{ row: 'By one', ours: { mean: 42000 } }]);
  const wrong = await folder.gantry(...args.slice(0, -1), 'three');
  expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining('no row matches; rows are waves/by-one, waves/by-two') });
});
