/** @file Labels that are clusters: a run leaves their shares in its generator's file, and samples come in these. */
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { load } from '../../engine/dataflow/load.js';
import { applySets } from '../../engine/dataflow/sets.js';
import { drawLabels } from '../../engine/registry/draw-labels.js';
import { createEngine } from '../../engine/registry/engine.js';
import { openRun } from '../../engine/registry/open-run.js';
import { PACKAGE } from '../../engine/registry/paths.js';
import { readRun } from '../../engine/registry/read-run.js';
import { runGraph } from '../../engine/registry/run-graph.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';

const seed = 1;
const drawn = (count: number, labels: number, shares?: readonly number[]) => drawLabels(keyedRandom(seed, 'test', 0, 'labels'), count, labels, shares);

test(`labels come as often as their shares say, and those without a share never (seed ${seed})`, () => {
  const shares = [0, 300, 100, 0, 600, 0], counts = shares.map(() => 0);
  for (const label of drawn(20000, 6, shares)) counts[label]!++;
  expect(counts.filter((_, i) => shares[i] === 0)).toEqual([0, 0, 0]);
  // Five standard deviations of a share of a half are 0.018.
  counts.forEach((count, i) => { expect(Math.abs(count / 20000 - shares[i]! / 1000)).toBeLessThan(0.018); });
  expect(new Set(drawn(1000, 6))).toEqual(new Set([0, 1, 2, 3, 4, 5]));
});

test('the shares of clusters are in the file of a generator that was trained on them, and its samples follow them', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'gantry-shares-')), out = path.join(folder, 'ring'), engine = await createEngine({ threads: 1 });
  const file = path.join(PACKAGE, 'graphs/self-conditioned-gan/ring.json');
  try {
    const { graph, issues } = applySets(await load(file), ['fresh.config.count=200', 'probe.config.images=500', 'clusters.config.k=20']);
    await runGraph(engine, { graph, file, issues }, { out, waves: 2, seed });
    const { generator } = await readRun(engine, out), shares = generator.shares!;
    expect([shares.length, shares.reduce((a, b) => a + b)]).toEqual([20, 500]);
    expect(new Set(shares).size).toBeGreaterThan(3);
    await generator.close();
    const run = await openRun(out), { label } = await run.sample({ count: 4000 });
    await run.close();
    const counts = shares.map(() => 0);
    for (const one of label!.data as BigInt64Array) counts[Number(one)]!++;
    counts.forEach((count, i) => { expect(Math.abs(count / 4000 - shares[i]! / 500)).toBeLessThan(0.03); });
  } finally {
    await engine.close();
    await rm(folder, { recursive: true });
  }
});
