/** @file `npm run bench -- [CASE …] [--json]`: ratios measured side by side. */
import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Case, Line } from './case.js';
import { fastest, interleave, median } from './interleave.js';
import { missingTorch, startOurs, startPeer } from './peer.js';
import { scale, scaleHnsw } from './scale.js';
import { kmeans, knn } from './searches.js';
import { longestStall } from './stall.js';
import type { Stepper } from './stepper.js';
import type { OurSide } from './ours.js';

const USAGE = `Usage: npm run bench -- [CASE …] [--rounds N] [--python FILE] [--json]

Cases: 2d, dcgan, dcgan-deep, resnet2-r1, biggan, sngan, partitioner (training steps against eager PyTorch), biggan-generate (images), each with -tuned (against PyTorch with every trick), sngan-unguided, sngan-guide (the guided step against the unguided one), extract, extract-tuned (features of a ResNet-50, against channels-last PyTorch, and with its batch norms folded), knn (exact neighbours, against faiss), kmeans (against scikit-learn), scale, scale-hnsw (neighbours of 1.2 million vectors, from smaller sizes), startup (gantry check), stall (the main loop's longest stall in a run). All, unless named.
Peers need a Python with torch, faiss or scikit-learn; a case without its peer is skipped with a line. knn and kmeans take several, with commas between them, and the fastest counts.

Example: npm run bench -- 2d dcgan`;

interface Against {
  readonly tuned?: boolean;
  readonly unit?: string;
  /** More arguments of the peer. */
  readonly flags?: readonly string[];
}
/** Two steppers in turns, closed in the end. */
async function compared(about: string, a: Stepper, b: Stepper, steps: number, rounds: number, unit: string): Promise<Line> {
  try {
    return { case: about, ...await interleave(a, b, steps, rounds), unit, says: `${a.name}; ${b.name}` };
  } finally {
    await a.close();
    await b.close();
  }
}

/** A step against the same step in PyTorch, each at its better number of threads. */
const against = (about: string, ours: OurSide, peer: string, steps: number, { tuned = false, unit = 'ms/step', flags = [] }: Against = {}): Case => ({
  about,
  async run({ python, rounds }) {
    const missing = missingTorch(python);
    if (missing) return `skipped: ${missing}`;
    const threads = [...new Set([1, Math.min(2, availableParallelism()), availableParallelism()])];
    const a = await fastest(threads.map((n) => () => startOurs(ours, n)), steps);
    const b = await fastest(threads.map((n) => () => startPeer(python, peer, n, tuned, flags)), steps);
    return compared(about, a, b, steps, rounds, unit);
  },
});

/** A step against PyTorch as published, and, under the name with `-tuned`, against every trick. */
const bothWays = (about: OurSide, peer: string, steps: number, more: Against = {}): Readonly<Record<string, Case>> => ({
  [about]: against(about, about, peer, steps, more),
  [`${about}-tuned`]: against(`${about}-tuned`, about, peer, steps, { ...more, tuned: true }),
});

/** What one step of ours costs against another of ours, with all threads. */
const versus = (about: string, one: OurSide, other: OurSide): Case => ({
  about,
  async run({ rounds }) {
    const threads = availableParallelism();
    return compared(about, await startOurs(one, threads), await startOurs(other, threads), 1, rounds, 'ms/step');
  },
});

/** A measured time against the most it may be. */
const limit = (about: string, unit: string, most: number, measure: () => Promise<readonly number[]>): Case => ({
  about,
  async run() {
    const times = await measure();
    const ours = median(times);
    return { case: about, ours, peer: most, ratio: most / ours, unit, spread: [Math.min(...times), Math.max(...times)], says: `at most ${most} ${unit}` };
  },
});

const cli = fileURLToPath(new URL('../engine/cli/main.js', import.meta.url));
const startup = async () => Array.from({ length: 7 }, () => {
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, [cli, 'check', 'graphs/self-conditioned-gan/ring.json'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return performance.now() - start;
});

const CASES: Readonly<Record<string, Case>> = {
  ...bothWays('2d', 'two_d', 100),
  ...bothWays('dcgan', 'dcgan', 4),
  ...bothWays('dcgan-deep', 'dcgan', 1, { flags: ['--deep'] }),
  ...bothWays('resnet2-r1', 'resnet2', 1),
  ...bothWays('biggan', 'biggan', 1),
  ...bothWays('biggan-generate', 'biggan', 4, { unit: 'ms/16 images', flags: ['--generate'] }),
  ...bothWays('sngan', 'sngan', 1),
  'sngan-unguided': against('sngan-unguided', 'sngan-unguided', 'sngan', 1, { flags: ['--unguided'] }),
  'sngan-guide': versus('sngan-guide', 'sngan', 'sngan-unguided'),
  ...bothWays('partitioner', 'partitioner', 1),
  ...bothWays('extract', 'extract', 1, { unit: 'ms/32 images' }),
  knn,
  kmeans,
  scale,
  'scale-hnsw': scaleHnsw,
  startup: limit('startup', 'ms', 1000, startup),
  stall: limit('stall', 'ms', 50, async () => [await longestStall()]),
};

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' }, python: { type: 'string', default: 'python3' }, rounds: { type: 'string', default: '9' } },
  });
  if (values.help) { console.log(USAGE); return; }
  const names = positionals.length ? positionals : Object.keys(CASES);
  const unknown = names.filter((name) => !CASES[name]);
  if (unknown.length) {
    console.error(`bench: there is no case ${unknown.join(', ')}; there are ${Object.keys(CASES).join(', ')}`);
    process.exitCode = 2;
    return;
  }
  for (const name of names) {
    const line = await CASES[name]!.run({ python: values.python, rounds: Number(values.rounds) });
    if (typeof line === 'string') console.error(`${name}: ${line}`);
    else if (values.json) console.log(JSON.stringify(line));
    else console.log(`${name.padEnd(11)} ${line.ours.toFixed(2)} against ${line.peer.toFixed(2)} ${line.unit}: ${line.ratio.toFixed(2)} times (${line.spread.map((r) => r.toFixed(2)).join(' to ')})  ${line.memory ? `${line.memory.map((bytes) => `${(bytes / 1e6).toFixed(0)} MB`).join(' against ')}  ` : ''}${line.says}`);
  }
}

await main();
