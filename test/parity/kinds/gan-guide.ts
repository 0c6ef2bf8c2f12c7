/** @file The frozen Lipschitz partitioner of a guided step: its network, its state as inputs of the step, and the guide's weight. */
import type { TensorValue } from '../../../engine/spec/value.js';
import { partitionerFunction, type PartitionerFunction } from '../../../engine/training/encoder.js';
import { lipschitzResnet } from '../../../plugins/partitioners/lipschitz-resnet.js';
import type { Fixture } from '../fixture.js';
import { lipschitzConfigOf, lipschitzState } from './lipschitz-partitioner.js';
import type { Checked } from './partitioner-parts.js';

export interface Guide {
  readonly partitioner: PartitionerFunction;
  readonly inputs: Readonly<Record<string, TensorValue>>;
  readonly weight: number;
}

/** Undefined where the fixture's step is not guided. */
export function guideIn({ manifest: { scalars } }: Fixture, compare: Checked): Guide | undefined {
  const config = scalars.partitioner_config;
  if (!config) return undefined;
  const partitioner = partitionerFunction({ encoder: lipschitzResnet.name, config: lipschitzConfigOf(config), image: config.in_shape, parts: config.k, head: 'linear' }, lipschitzResnet);
  const state = lipschitzState(partitioner.layout, (name) => compare.given(`P/${name}`).data as Float32Array);
  return { partitioner, weight: scalars.weight_guide, inputs: Object.fromEntries(Object.entries(state).map(([kind, value]) => [`encoder/${kind}`, value])) };
}
