/** @file Instances that stand for a data set: nearest to centres, or drawn once. */
import type { SessionHost } from '../../engine/session/host.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { createWorkerHost } from '../../engine/session/worker-host.js';
import { tensor, transient } from '../../engine/spec/value.js';
import type { Features } from '../../engine/training/values.js';
import { kMeansInstances, randomInstances } from '../../plugins/clusterers/instances.js';
import { numbers, rig } from './rig.js';

const seed = 4, width = 6;
let host: SessionHost;
beforeAll(async () => { host = await createWorkerHost({ threads: 1 }); });
afterAll(async () => { await host.close(); });

/** Vectors around axes of the space, image i near axis i % 6, of any length. */
function around(size: number, key = 'axes'): Features {
  const data = keyedRandom(seed, 'instances', 0, 'noise').normal(size * width).map((z, at) => 5 * Number(at % width === Math.floor(at / width) % width) + 0.3 * z);
  return {
    [transient]: true, key, size, width, normalised: false, labels: new Int32Array(size), classes: 1, flips: false,
    read: (indices) => tensor('f32', [indices.length, width], Float32Array.from({ length: indices.length * width }, (_, at) => data[indices[Math.floor(at / width)]! * width + (at % width)]!)),
  };
}
const unit = (features: Features) => {
  const data = (features.read(Int32Array.from({ length: features.size }, (_, i) => i)) as { data: Float32Array }).data;
  return Array.from({ length: features.size }, (_, i) => { const row = Array.from(data.subarray(i * width, (i + 1) * width)), length = Math.hypot(...row); return row.map((x) => x / length); });
};

test(`k-means instances are the images nearest to the middle of each cluster, once for each set of vectors (seed ${seed})`, async () => {
  const features = around(900), node = await rig(kMeansInstances, { count: 6, restarts: 3 }, { host, seed }), before = [...host.residents];
  const { indices, metrics } = await node.step(0, { features }), chosen = numbers(indices), rows = unit(features);
  expect(metrics.distinct).toBe(6);
  expect(chosen.map((i) => i % width).sort()).toEqual([0, 1, 2, 3, 4, 5]);
  for (const i of chosen) {
    const cluster = Array.from(rows.keys()).filter((j) => j % width === i % width);
    const mean = Array.from({ length: width }, (_, n) => cluster.reduce((sum, j) => sum + rows[j]![n]!, 0) / cluster.length);
    const far = (j: number) => Math.hypot(...rows[j]!.map((x, n) => x - mean[n]!));
    expect(far(i)).toBeCloseTo(Math.min(...rows.map((_, j) => far(j))), 5);
  }
  expect(await node.step(1, { features })).toEqual({});
  expect([...host.residents]).toEqual(before);
  const resumed = await rig(kMeansInstances, { count: 6, restarts: 3 }, { host, seed });
  resumed.state = node.state;
  expect(await resumed.step(2, { features })).toEqual({});
  expect(numbers((await node.step(3, { features: around(300, 'other') })).indices).every((i) => i < 300)).toBe(true);
});

test(`centres may come from a sample of the vectors, instances from all (seed ${seed})`, async () => {
  const node = await rig(kMeansInstances, { count: 6, restarts: 3, perCluster: 20 }, { host, seed });
  const { indices } = await node.step(0, { features: around(900) });
  expect(numbers(indices).map((i) => i % width).sort()).toEqual([0, 1, 2, 3, 4, 5]);
});

test(`random instances are drawn once, all different, and depend on the seed alone (seed ${seed})`, async () => {
  const features = around(50), draw = async (given: number) => {
    const node = await rig(randomInstances, { count: 20 }, { seed: given }), { indices } = await node.step(3, { features });
    expect(await node.step(4, { features })).toEqual({});
    return numbers(indices);
  };
  const first = await draw(seed);
  expect([first.length, new Set(first).size]).toEqual([20, 20]);
  expect(await draw(seed)).toEqual(first);
  expect(await draw(seed + 1)).not.toEqual(first);
});

test('more instances than images are refused', async () => {
  for (const type of [kMeansInstances, randomInstances]) {
    const node = await rig(type, { count: 51 }, { host });
    await expect(async () => node.step(0, { features: around(50) })).rejects.toThrow('nodes.node.config.count: 51 instances are wanted; there are 50 images');
  }
});
