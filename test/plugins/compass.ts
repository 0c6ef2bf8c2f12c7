/** @file A partitioner of the plane into four parts that is known in advance: east, north, west and south. */
import type { SessionHost } from '../../engine/session/host.js';
import { tensor } from '../../engine/spec/value.js';
import type { PartitionerNetwork } from '../../engine/training/encoder.js';
import type { Partitioner } from '../../engine/training/values.js';

/** Logits are inner products with these. */
const DIRECTIONS = [[1, 0], [0, 1], [-1, 0], [0, -1]] as const;

export const network: PartitionerNetwork = { encoder: 'points-linear', config: { type: 'points-linear' }, image: [2], parts: 4, head: 'linear' };

/** The partitioner, in a host: four rows of weights, then four biases of 0. */
export const compass = async (host: SessionHost): Promise<Partitioner> =>
  ({ network, state: { 'encoder/parameters': await host.put(tensor('f32', [12], Float32Array.from([...DIRECTIONS.flat(), 0, 0, 0, 0]))) } });

/** The parts of points, from two numbers each: the first of the largest inner products. */
export const partsOfPoints = (points: readonly number[]): number[] => Array.from({ length: points.length / 2 }, (_, i) => {
  const logits = DIRECTIONS.map(([x, y]) => x * points[2 * i]! + y * points[2 * i + 1]!);
  return logits.indexOf(Math.max(...logits));
});
