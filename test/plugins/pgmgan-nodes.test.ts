/** @file Nodes of PGMGAN: parts of images, batches of a sample that stays, and generated images that lie in the parts they were made for. */
import { z } from 'zod';
import type { SessionHost } from '../../engine/session/host.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { createWorkerHost } from '../../engine/session/worker-host.js';
import { tensor } from '../../engine/spec/value.js';
import { zeros } from '../../engine/tensor/init.js';
import { add, matmul, oneHot, reshape, slice } from '../../engine/tensor/ops/index.js';
import { defineBackbone } from '../../engine/training/backbone.js';
import type { Partitioner, Weights } from '../../engine/training/values.js';
import { pointsLinear } from '../../plugins/partitioners/points.js';
import { accepted } from '../../plugins/pgmgan/accepted.js';
import { batches } from '../../plugins/pgmgan/batches.js';
import { label } from '../../plugins/pgmgan/label.js';
import { compass, partsOfPoints } from './compass.js';
import { numbers, rig } from './rig.js';

const seed = 17;
const integers = (values: readonly number[]) => tensor('i64', [values.length], BigInt64Array.from(values, BigInt));
const points = (values: ArrayLike<number>) => tensor('f32', [values.length / 2, 2], Float32Array.from(values));

/** Its images are the latents, moved by label. */
const moved = defineBackbone({
  name: 'moved', about: 'Latents, moved by label.', config: z.strictObject({ type: z.literal('moved') }), conditions: ['label'], latent: () => 2,
  generator: (s, latent, { label, labels }) => add(latent, matmul(oneHot(label!, labels), s.parameter('offset', [labels, 2], zeros))),
  discriminator: (_s, image) => ({ feature: image, logit: reshape(slice(image, 1, 0, 1), [image.dims[0]!]) }),
});
const component = <T>(_kind: string, name: string) => [moved, pointsLinear].find((part) => part.name === name) as T;

let host: SessionHost, partitioner: Partitioner;
beforeAll(async () => {
  host = await createWorkerHost({ threads: 1 });
  partitioner = await compass(host);
});
afterAll(() => host.close());

test(`the part of a point is its largest logit's, the first of equal ones, in batches that need not divide the sample (seed ${seed})`, async () => {
  const given = [1, 1, 0, 0, -2, -2, ...keyedRandom(seed, 'test', 0, 'points').normal(44)];
  for (const batch of [7, 1000]) {
    const node = await rig(label, { batch }, { host, component }), found = numbers((await node.step(0, { image: points(given), partitioner })).label);
    expect(found).toEqual(partsOfPoints(Array.from(Float32Array.from(given))));
    expect(found.slice(0, 3)).toEqual([0, 0, 2]);
    expect(new Set(found)).toEqual(new Set([0, 1, 2, 3]));
  }
});

describe(`batches (seed ${seed})`, () => {
  const size = 12, sample = { image: points(Array.from({ length: 2 * size }, (_, i) => (i % 2 ? -(i >> 1) : i >> 1))), label: integers(Array.from({ length: size }, (_, i) => i % 5)) };
  const start = (batch: number) => rig(batches, { batch }, { seed });
  const take = async (node: Awaited<ReturnType<typeof start>>, from: number, to: number) => {
    const rows: number[][] = [];
    for (let wave = from; wave < to; wave++) {
      const { image, label } = await node.step(wave, { ...sample, now: { wave } }), values = numbers(image), own = values.filter((_, i) => i % 2 === 0);
      expect(values).toEqual(own.flatMap((i) => [i, -i]));
      expect(numbers(label)).toEqual(own.map((i) => i % 5));
      rows.push(own);
    }
    return rows;
  };
  const ascending = (rows: readonly number[][]) => rows.flat().sort((a, b) => a - b);

  test('each row comes once an epoch, in another order each time; images keep their labels', async () => {
    const rows = await take(await start(4), 0, 9), epochs = [rows.slice(0, 3), rows.slice(3, 6), rows.slice(6)];
    for (const epoch of epochs) expect(ascending(epoch)).toEqual(Array.from({ length: size }, (_, i) => i));
    expect(new Set(epochs.map(String)).size).toBe(3);
  });

  test('what is left over at the end of an epoch waits for another', async () => {
    const rows = await take(await start(5), 0, 12);
    for (let epoch = 0; epoch < 6; epoch++) expect(new Set(rows.slice(2 * epoch, 2 * epoch + 2).flat()).size).toBe(10);
    expect(new Set(rows.flat()).size).toBe(size);
  });

  test('from a saved state it goes on as it would have, within an epoch or at its end', async () => {
    const whole = await take(await start(4), 0, 8);
    for (const stop of [2, 3, 4]) {
      const first = await start(4), second = await start(4);
      await take(first, 0, stop);
      expect(first.state).toEqual({ step: stop });
      second.state = JSON.parse(JSON.stringify(first.state));
      expect(await take(second, stop, 8)).toEqual(whole.slice(stop));
    }
  });

  test('more than the sample has is refused', async () => {
    await expect(take(await start(13), 0, 1)).rejects.toMatchObject({ exitCode: 2, message: expect.stringContaining('nodes.node.config.batch: 13 images a batch are wanted; the sample has 12') });
  });
});

describe(`images for parts (seed ${seed})`, () => {
  /** Always in their part, about every fourth time, never (they lie in the east), always. */
  const offsets = [100, 0, 0, 0, 100, 0, 0, -100];
  let weights: Weights;
  beforeAll(async () => {
    weights = { networks: { backbone: 'moved', config: { type: 'moved' }, image: [2], condition: { labels: 4, width: 0 }, latent: 2 }, averaged: false, state: { 'generator/parameters': await host.put(tensor('f32', [8], Float32Array.from(offsets))) } };
  });
  const made = async (wanted: readonly number[], config: object, wave = 0) => {
    const node = await rig(accepted, { batch: 7, ...config }, { host, component, seed });
    const { image, label, metrics } = await node.step(wave, { label: integers(wanted), weights, partitioner });
    expect(image.dims).toEqual([numbers(label).length, 2]);
    return { points: numbers(image), parts: partsOfPoints(numbers(image)), labels: numbers(label), metrics };
  };
  const mixed = Array.from({ length: 40 }, (_, i) => i % 4);

  test('what comes right at once is drawn once; what never does as often as it may, and is left out', async () => {
    expect((await made([0, 3, 0, 3, 3], { rounds: 5 })).metrics).toEqual({ accepted_at_once: 1, draws_per_image: 1, rejected: 0 });
    expect(await made(Array(9).fill(2), { rounds: 3 })).toEqual({ points: [], parts: [], labels: [], metrics: { accepted_at_once: 0, draws_per_image: 4, rejected: 9 } });
    expect((await made(Array(9).fill(2), { rounds: 0 })).metrics).toEqual({ accepted_at_once: 0, draws_per_image: 1, rejected: 9 });
  });

  test('images that are left lie in their parts, beside their own labels, in the order in which they were wanted', async () => {
    const { parts, labels, metrics } = await made(mixed, { rounds: 80 });
    expect(labels).toEqual(mixed.filter((c) => c !== 2));
    expect(parts).toEqual(labels);
    expect(metrics.rejected).toBe(10);
    // Three quarters of those for the north miss at first, so some were drawn again: 20 once, 10 for ever, 10 more than once.
    expect(metrics.accepted_at_once).toBeGreaterThanOrEqual(20 / 40);
    expect(metrics.accepted_at_once).toBeLessThan(30 / 40);
    expect(metrics.draws_per_image).toBeGreaterThan((20 + 10 * 81 + 10) / 40);
  });

  test('kept instead, those without an accepted draw are there as they were last drawn', async () => {
    const kept = await made(mixed, { rounds: 2, rejected: 'keep' }), dropped = await made(mixed, { rounds: 2 });
    expect(kept.labels).toEqual(mixed);
    expect(kept.metrics).toEqual(dropped.metrics);
    const astray = kept.parts.flatMap((part, i) => (part === mixed[i] ? [] : [i]));
    expect(astray).toHaveLength(kept.metrics.rejected);
    expect(astray).toEqual(expect.arrayContaining([2, 6, 10, 38]));
    expect(dropped.points).toEqual(kept.points.filter((_, i) => !astray.includes(i >> 1)));
    expect(dropped.labels).toEqual(mixed.filter((_, i) => !astray.includes(i)));
  });

  test('they are drawn by the wave, and no draw comes twice', async () => {
    const [first, again, later] = [await made(mixed, {}), await made(mixed, {}), await made(mixed, {}, 1)];
    expect(again).toEqual(first);
    expect(later.points).not.toEqual(first.points);
    // Those for the east alone would be equal otherwise.
    const { points: east } = await made(Array(30).fill(0), {});
    expect(new Set(east).size).toBe(60);
  });
});
