/** @file A run that was stopped or killed and went on leaves the same bytes as one that was not. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Graph } from '../../engine/dataflow/graph.js';
import { load } from '../../engine/dataflow/load.js';
import { PACKAGE } from '../../engine/registry/paths.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { drawSquares, small, type Squares } from '../graphs/squares.js';
import { createRuns, expectSame, writeDigits, type Runs } from './runs.js';

let runs: Runs;
beforeAll(() => { runs = createRuns(); });
afterAll(() => runs.remove());

const clusters = { recluster: { waves: 10 }, evaluate: { waves: 8 } };

test.each<[string, string, Readonly<Record<string, object>>]>([
  ['clusters made again and again', 'ring', {}],
  // The burn-in ends in the second part, the freeze too.
  ['clusters that follow every batch', 'grid-online', { clusters: { k: 8, restarts: 2, burnIn: 20 } }],
])('%s: 30 waves are 15 and then 15 more', async (_, name, more) => {
  const { graph } = await runs.graph(`self-conditioned-gan/${name}.json`, { ...clusters, train: { backbone: { type: 'mlp-maxout', generator: 8, discriminator: 6, pool: 2, embedding: 4 }, freeze: 22 }, ...more as object });
  const whole = await runs.run(graph, { out: `${name}-whole`, waves: 30 });
  expect(whole).toMatchObject({ type: 'finished', waves: 30 });
  await runs.run(graph, { out: `${name}-parts`, waves: 15 });
  expect(readdirSync(join(runs.path, `${name}-parts/checkpoints`))).toEqual(['wave-000000015']);
  const resumed = await runs.run(graph, { out: `${name}-parts`, waves: 30, resume: true });
  expect(resumed.metrics).toEqual(whole.metrics);
  expectSame(runs.bytes(`${name}-parts`), runs.bytes(`${name}-whole`));
});

test('stacked digits with batch norm in both networks: 9 waves are 4 and then 5 more (seed 3)', async () => {
  const path = writeDigits(join(runs.path, 'digits'), 40, 16, 3);
  const { graph } = await runs.graph('self-conditioned-gan/stacked-mnist.json', {
    data: { path, split: 'train', count: 100, batch: 8, resolution: 16 }, recluster: { waves: 3 }, evaluate: { waves: 3 }, probe: { images: 60, batch: 32 },
    clusters: { k: 5, restarts: 2 }, fresh: { count: 16 }, samples: { count: 8 }, reals: { count: 8 }, quality: null,
  });
  await runs.run(graph, { out: 'digits-whole', waves: 9 });
  await runs.run(graph, { out: 'digits-parts', waves: 4 });
  await runs.run(graph, { out: 'digits-parts', waves: 9, resume: true });
  expectSame(runs.bytes('digits-parts'), runs.bytes('digits-whole'));
});

test('a partitioner that learns, then a GAN that it guides: 16 waves are 5, 6 and then 5 more', async () => {
  const { graph } = await runs.graph('pgmgan/grid.json', {
    batch: { count: 20 }, lesson: { waves: 1, until: 7 }, now: { waves: 1, from: 7 }, evaluate: { waves: 3, from: 7 }, lessons: { batch: 25 }, partitioner: { parts: 10 },
    train: {
      backbone: { type: 'mlp-maxout', generator: 8, discriminator: 6, pool: 2, embedding: 4 }, schedule: { type: 'linear', from: 7, waves: 20 }, freeze: 13,
      options: { steps: 2, guide: { weight: 1, slope: -0.1 } },
    },
  });
  await runs.run(graph, { out: 'guided-whole', waves: 16 });
  for (const waves of [5, 11, 16]) await runs.run(graph, { out: 'guided-parts', waves, resume: waves > 5 });
  const whole = runs.bytes('guided-whole');
  expect(Object.keys(whole)).toEqual(expect.arrayContaining(['generator.onnx', 'partitioner.onnx']));
  expect(Buffer.from(whole['metrics.jsonl']!, 'base64').toString()).toContain('generator.guide');
  expectSame(runs.bytes('guided-parts'), whole);
}, 120_000);

test('a Lipschitz partitioner whose norms took their scale from its first batch: 5 waves are 2 and then 3 more (seed 4)', async () => {
  const path = writeDigits(join(runs.path, 'lipschitz'), 40, 8, 4);
  const graph: Graph = { gantry: 1, nodes: {
    data: { type: 'data/idx', config: { path, resolution: 8, batch: 8 } },
    partitioner: {
      type: 'train/classifier', in: { image: 'data.image', label: 'data.label' },
      config: { encoder: { type: 'lipschitz-resnet', blocks: [1, 1], strides: [1, 2], channels: 3, features: 4 }, parts: 10, optimiser: { type: 'adam', lr: 0.01 } },
    },
  } };
  await runs.run(graph, { out: 'lipschitz-whole', waves: 5 });
  await runs.run(graph, { out: 'lipschitz-parts', waves: 2 });
  await runs.run(graph, { out: 'lipschitz-parts', waves: 5, resume: true });
  expectSame(runs.bytes('lipschitz-parts'), runs.bytes('lipschitz-whole'));
}, 120_000);

/** Runs `gantry run` in the folder of the runs; `onLine` gets what it says, and may kill it outright. */
const gantry = (args: readonly string[], onLine: (event: Readonly<Record<string, unknown>>, kill: () => void) => void = () => {}) =>
  new Promise<{ code: number | null; signal: string | null; err: string }>((end) => {
    const child = spawn(process.execPath, [join(PACKAGE, 'dist/engine/cli/main.js'), 'run', ...args, '--json'], { cwd: runs.path });
    let rest = '', err = '';
    child.stderr.on('data', (text) => { err += text; });
    child.stdout.on('data', (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop()!;
      for (const line of lines) onLine(JSON.parse(line), () => child.kill('SIGKILL'));
    });
    child.on('close', (code, signal) => end({ code, signal, err }));
  });

/** Kills a run at its first metrics of wave `fatal` or later, and goes on with it: from its newest checkpoint. Gives how many waves that had. */
async function killAndResume(args: readonly string[], out: string, fatal: number): Promise<number> {
  const killed = await gantry([...args, '--out', out], ({ type, wave }, kill) => { if (type === 'metrics' && (wave as number) >= fatal) kill(); });
  expect(killed).toMatchObject({ code: null, signal: 'SIGKILL' });
  const newest = Number(readdirSync(join(runs.path, out, 'checkpoints')).filter((name) => /^wave-\d+$/.test(name)).sort().at(-1)!.slice(5));
  expect(existsSync(join(runs.path, out, 'generator.onnx'))).toBe(false);
  const starts: unknown[] = [];
  expect(await gantry(['--resume', out], (event) => { if (event.type === 'started') starts.push(event.from); })).toMatchObject({ code: 0 });
  expect(starts).toEqual([newest]);
  return newest;
}

describe('an IC-GAN with classes, DiffAugment, averages, a falling rate and accumulated gradients, three waves ahead', () => {
  const key = 61, WHOLE = 12;
  let squares: Squares, graph: Graph, file: string;
  beforeAll(async () => {
    squares = drawSquares(key);
    const { nodes, ...rest } = small(await load(join(PACKAGE, 'graphs/ic-gan/flowers-32-classes.json')), squares), { train, evaluate } = nodes;
    const settings = { ...(train!.config as object), accumulate: 2, schedule: { type: 'linear', from: 2, waves: 10 }, averaging: { decay: 0.9, from: 3 } };
    graph = { ...rest, prefetch: 3, nodes: { ...nodes, train: { ...train!, config: settings }, evaluate: { ...evaluate!, config: { waves: 3, at: 'end' } } } };
    file = join(runs.path, 'squares.json');
    writeFileSync(file, JSON.stringify(graph));
    expect(await runs.run(graph, { out: 'squares-whole', waves: WHOLE, seed: key })).toMatchObject({ type: 'finished', waves: WHOLE, metrics: { 'quality.frechet': expect.any(Number) } });
  }, 120_000);
  afterAll(() => squares?.remove());

  // It is evaluated in waves 2, 5, 8 and 11. An evaluation in the very wave that a resumed run begins with, and that is only its second; a wave that logs everything.
  test.each([4, 5, 10])(`12 waves are %i and then the others (seed ${key})`, async (stop) => {
    const out = `squares-${stop}`;
    await runs.run(graph, { out, waves: stop, seed: key });
    await runs.run(graph, { out, waves: WHOLE, seed: key, resume: true });
    expectSame(runs.bytes(out), runs.bytes('squares-whole'));
  }, 120_000);

  test(`killed outright in its evaluation's wave, it goes on to the same bytes (seed ${key})`, async () => {
    const newest = await killAndResume([file, '--seed', String(key), '--waves', String(WHOLE), '--checkpoint-every', '2'], 'squares-killed', 5);
    expect(newest).toBeGreaterThanOrEqual(2);
    expect(newest).toBeLessThan(WHOLE);
    expectSame(runs.bytes('squares-killed'), runs.bytes('squares-whole'));
  }, 120_000);
});

const seed = 8, WAVES = 200;
/** After the first checkpoint and the second clustering, before the last. */
const fatal = 30 + 10 * keyedRandom(seed, 'test', 0, 'kill').integers(1, 6)[0]!;

test(`killed outright after wave ${fatal} of ${WAVES} (seed ${seed}), a run goes on from its newest checkpoint to the same bytes`, async () => {
  const { file } = await runs.graph('self-conditioned-gan/ring.json', { recluster: { waves: 20 }, evaluate: { waves: 40 } });
  const settings = [file, '--checkpoint-every', '7', '--waves', String(WAVES)];
  const [whole, newest] = await Promise.all([gantry([...settings, '--out', 'whole']), killAndResume(settings, 'killed', fatal)]);
  expect(whole).toMatchObject({ code: 0 });
  expect(newest).toBeGreaterThanOrEqual(7);
  expect(newest).toBeLessThan(WAVES);
  expectSame(runs.bytes('killed'), runs.bytes('whole'));
});
