/** @file A learner's training node run by hand. */
import type { Services } from '../../engine/dataflow/context.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import type { TensorShape } from '../../engine/spec/tensor-type.js';
import type { TensorValue } from '../../engine/spec/value.js';
import type { Encoder } from '../../engine/training/encoder.js';
import type { Learner } from '../../engine/training/learner.js';
import { learnerNode } from '../../engine/training/learner-node.js';
import type { Partitioner } from '../../engine/training/values.js';
import { adam } from '../../plugins/optimisers/adam.js';

/** A learner's node by hand: its first version, and those after each wave on one batch. */
export async function startLearner(learner: Learner, config: object, batch: Readonly<Record<string, TensorValue>>, services: Services, encoders: readonly Encoder[], seed: number) {
  const type = learnerNode(learner, { encoders, optimisers: [adam] }), port = learner.head === 'linear' ? 'partitioner' : 'encoder';
  const unknown = () => { throw new Error('not asked for'); }, signal = new AbortController().signal;
  const context = { node: 'train', services, signal, random: (name: string) => keyedRandom(seed, 'train', 0, name), wired: (name: string) => name in batch, type: (name: string): TensorShape => batch[name]!, size: unknown, rest: unknown };
  const behaviour = await type.start(type.config.parse({ optimiser: { type: 'adam', lr: 0.02 }, ...config }), context);
  let { state } = behaviour, network = (behaviour.initial!(state) as Record<string, unknown>)[port] as Partitioner;
  const first = network;
  return {
    first, get network() { return network; },
    async train(waves: number): Promise<readonly Readonly<Record<string, number>>[]> {
      const metrics: Record<string, number>[] = [];
      for (let wave = 0; wave < waves; wave++) {
        const stepped = await behaviour.step(state, batch as never, { node: 'train', wave, services, signal, random: (name) => keyedRandom(seed, 'train', wave, name) });
        ({ state } = stepped);
        network = (stepped.outputs as Record<string, unknown>)[port] as Partitioner;
        metrics.push((stepped.outputs as { metrics: Record<string, number> }).metrics);
      }
      return metrics;
    },
  };
}
