/** @file The guide as a surface: heights and slopes of a known partitioner, its part outlined, the points told apart. */
import { z } from 'zod';
import type { SessionHost } from '../../engine/session/host.js';
import { createWorkerHost } from '../../engine/session/worker-host.js';
import type { Surface } from '../../engine/spec/picture.js';
import { tensor } from '../../engine/spec/value.js';
import { defineEncoder } from '../../engine/training/encoder.js';
import { frameOf, leads, levelsOf, meshOf, surface } from '../../plugins/pgmgan/surface.js';

let host: SessionHost;
beforeAll(async () => { host = await createWorkerHost({ threads: 1 }); });
afterAll(() => host.close());

/** Points as they are: under a linear head, logits are W x + b. */
const points = defineEncoder({ name: 'plane', about: 'Points.', config: z.strictObject({}), encode: (_, image) => image });
/** Three parts: right, above, and the rest. */
const WEIGHT = [1, 0, 0, 1, -1, -1], BIAS = [0, 0, 0.5];
const logitsAt = (x: number, y: number) => [0, 1, 2].map((c) => WEIGHT[2 * c]! * x + WEIGHT[2 * c + 1]! * y + BIAS[c]!);
const guideAt = (x: number, y: number, part: number) => { const s = logitsAt(x, y); return s.reduce((total, v) => total + Math.max(0, v - s[part]!), 0); };

async function drawn(config: object, data: readonly number[]): Promise<Surface> {
  const services = { host, component: () => points, resolve: (path: string) => path, cache: '', progress: () => {}, note: () => {} } as never;
  const context = { node: 'guide', services, size: () => 3 } as never, wave = { node: 'guide', wave: 0, services } as never;
  const behaviour = await surface.start(surface.config.parse(config), context);
  const state = { 'encoder/parameters': await host.put(tensor('f32', [9], Float32Array.from([...WEIGHT, ...BIAS]))) };
  const network = { encoder: 'plane', config: {}, image: [2], parts: 3, head: 'linear' as const };
  const { outputs } = await behaviour.step(behaviour.state, { image: tensor('f32', [data.length / 2, 2], Float32Array.from(data)), partitioner: { network, state } } as never, wave);
  return outputs.picture as unknown as Surface;
}

test.each(['sum', 'mean'] as const)('heights are -R, arrows their slopes outside the part, by the %s over parts', async (reduction) => {
  const data = [-1, -1, 3, 0, 0, 2], side = 21, picture = await drawn({ part: 1, reduction, mesh: side, every: 4, reach: 1.5 }, data), share = reduction === 'sum' ? 1 : 1 / 3;
  expect({ kind: picture.kind, frame: picture.frame, side: picture.side }).toEqual({ kind: 'surface', frame: { x: 1, y: 0.5, half: 3 }, side });
  const mesh = meshOf(picture.frame, side);
  picture.height.forEach((height, n) => { expect(height).toBeCloseTo(-share * guideAt(mesh[2 * n]!, mesh[2 * n + 1]!, 1), 4); });
  picture.region!.values.forEach((lead, n) => { if (Math.abs(lead) > 1e-4) expect(lead > 0).toBe(guideAt(mesh[2 * n]!, mesh[2 * n + 1]!, 1) === 0); });
  const arrows = picture.arrows!.values, h = 1e-4;
  expect(arrows.length).toBeGreaterThan(40);
  for (let i = 0; i < arrows.length; i += 4) {
    const [x, y] = [arrows[i]!, arrows[i + 1]!], slope = [[h, 0], [0, h]].map(([dx, dy]) => (guideAt(x - dx!, y - dy!, 1) - guideAt(x + dx!, y + dy!, 1)) / (2 * h) * share);
    expect(guideAt(x, y, 1)).toBeGreaterThan(0);
    // At a kink, where two logits are equal, either side's slope is right.
    const logits = logitsAt(x, y);
    if (Math.min(Math.abs(logits[0]! - logits[1]!), Math.abs(logits[2]! - logits[1]!)) > 1e-3) [0, 1].forEach((axis) => { expect(arrows[i + 2 + axis]).toBeCloseTo(slope[axis]!, 3); });
  }
  expect(picture.series.map(({ name, points }) => [name, Array.from(points)])).toEqual([['points of the part', [0, 2]], ['other points', [-1, -1, 3, 0]]]);
});

test('a part that the partitioner does not have is refused', async () => {
  await expect(drawn({ part: 3 }, [0, 0])).rejects.toThrow('the partitioner has parts 0 to 2, not 3');
});

test('frames, leads and levels', () => {
  expect(frameOf(Float32Array.of(0, 0, 4, 2), 1.2)).toEqual({ x: 2, y: 1, half: 2.4 });
  expect(frameOf(Float32Array.of(5, 5), 1.2)).toEqual({ x: 5, y: 5, half: 1 });
  expect(Array.from(meshOf({ x: 0, y: 10, half: 1 }, 2))).toEqual([-1, 9, 1, 9, -1, 11, 1, 11]);
  expect(Array.from(leads(Float32Array.of(1, 3, 2, 5, 5, 0), 3, 1))).toEqual([1, 0]);
  expect(levelsOf(Float32Array.of(0, -130, -3))).toEqual([-100, -50, -20, -10, -5, -2, -1]);
  expect(levelsOf(Float32Array.of(0, 0))).toEqual([]);
});
