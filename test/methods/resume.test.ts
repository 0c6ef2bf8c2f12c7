/** @file A run that was stopped or killed and went on leaves the same bytes as one that was not. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE } from '../../engine/registry/paths.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
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

const seed = 8, WAVES = 200;
/** After the first checkpoint and the second clustering, before the last. */
const fatal = 30 + 10 * keyedRandom(seed, 'test', 0, 'kill').integers(1, 6)[0]!;

test(`killed outright after wave ${fatal} of ${WAVES} (seed ${seed}), a run goes on from its newest checkpoint to the same bytes`, async () => {
  const { file } = await runs.graph('self-conditioned-gan/ring.json', { recluster: { waves: 20 }, evaluate: { waves: 40 } });
  const gantry = (args: readonly string[], onLine: (event: Readonly<Record<string, unknown>>, kill: () => void) => void = () => {}) =>
    new Promise<{ code: number | null; signal: string | null; err: string }>((end) => {
      const child = spawn(process.execPath, [join(PACKAGE, 'dist/engine/cli/main.js'), 'run', ...args, '--json', '--waves', String(WAVES)], { cwd: runs.path });
      let rest = '', err = '';
      child.stderr.on('data', (text) => { err += text; });
      child.stdout.on('data', (text) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop()!;
        for (const line of lines) onLine(JSON.parse(line), () => child.kill('SIGKILL'));
      });
      child.on('close', (code, signal) => end({ code, signal, err }));
    });
  const settings = [file, '--checkpoint-every', '7'];
  const [whole, killed] = await Promise.all([
    gantry([...settings, '--out', 'whole']),
    gantry([...settings, '--out', 'killed'], ({ type, wave }, kill) => { if (type === 'metrics' && (wave as number) >= fatal) kill(); }),
  ]);
  expect(whole).toMatchObject({ code: 0 });
  expect(killed).toMatchObject({ code: null, signal: 'SIGKILL' });
  const checkpoints = readdirSync(join(runs.path, 'killed/checkpoints')).filter((name) => /^wave-\d+$/.test(name)).sort();
  expect(Number(checkpoints.at(-1)!.slice(5))).toBeGreaterThanOrEqual(7);
  expect(Number(checkpoints.at(-1)!.slice(5))).toBeLessThan(WAVES);
  expect(existsSync(join(runs.path, 'killed/generator.onnx'))).toBe(false);
  const starts: unknown[] = [];
  const resumed = await gantry(['--resume', 'killed'], (event) => { if (event.type === 'started') starts.push(event.from); });
  expect(resumed).toMatchObject({ code: 0 });
  expect(starts).toEqual([Number(checkpoints.at(-1)!.slice(5))]);
  expectSame(runs.bytes('killed'), runs.bytes('whole'));
});
