/** @file A training node run by hand on small batches of points: its start, its waves, and what its state holds. */
import type { Services } from '../../engine/dataflow/context.js';
import type { SessionHost } from '../../engine/session/host.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import type { TensorShape } from '../../engine/spec/tensor-type.js';
import { tensor, type Resident } from '../../engine/spec/value.js';
import { trainNode } from '../../engine/training/train-node.js';
import type { Method } from '../../engine/training/method.js';
import type { Partitioner, Weights } from '../../engine/training/values.js';
import { dcganShallow } from '../../plugins/backbones/dcgan.js';
import { mlpMaxout } from '../../plugins/backbones/mlp-maxout.js';
import { adam } from '../../plugins/optimisers/adam.js';
import { sgd } from '../../plugins/optimisers/sgd.js';
import { pointsLinear } from '../../plugins/partitioners/points.js';
import { selfConditioned } from '../../plugins/self-conditioned-gan/method.js';
import { BATCH, LABELS, maxout, plain, seed } from './small.js';

export const backbones = [mlpMaxout, dcganShallow, plain];

export const servicesOf = (host: SessionHost): Services => ({
  host, resolve: (path) => path, cache: 'no cache here', progress: () => {}, note: () => {},
  component: (<T>(_kind: string, name: string) => [...backbones, pointsLinear].find((part) => part.name === name) as T),
});

export interface Trainer {
  /** Trains on the batch of a wave; gives the metrics. */
  step(wave: number): Promise<Readonly<Record<string, number>>>;
  /** A vector of the state, as numbers. */
  read(name: string): Promise<number[]>;
  /** Sizes of the vectors of the state. */
  names(): readonly string[];
  readonly weights: Weights;
}

export interface Given {
  readonly image?: TensorShape;
  readonly label?: TensorShape;
  readonly method?: Method;
  /** Wired where it is given. */
  readonly partitioner?: Partitioner;
}

/** Starts `train/self-conditioned`, or the node of another method, as a graph would, with plain gradient descent and small maxout networks unless `config` says otherwise. */
export async function startTrainer(host: SessionHost, config: object = {}, { image = { dtype: 'f32', dims: [BATCH, 2] }, label = { dtype: 'i64', dims: [BATCH], below: LABELS }, method = selfConditioned, partitioner }: Given = {}): Promise<Trainer> {
  const type = trainNode(method, { backbones, optimisers: [adam, sgd] });
  const services = servicesOf(host), ports: Readonly<Record<string, TensorShape>> = { image, label };
  const unknown = () => { throw new Error('not asked for'); };
  const behaviour = await type.start(type.config.parse({ backbone: maxout, optimiser: { type: 'sgd', lr: 0.1 }, ...config }), {
    node: 'train', services, signal: new AbortController().signal, random: (name) => keyedRandom(seed, 'train', 0, name), wired: (port) => port in ports || (port === 'partitioner' && partitioner !== undefined), type: (port) => ports[port]!, size: unknown, rest: unknown,
  });
  let state = behaviour.state, { weights } = behaviour.initial!(state) as { weights: Weights };
  const tensors = () => (state as { tensors: Readonly<Record<string, Resident>> }).tensors;
  return {
    async step(wave) {
      const random = (name: string) => keyedRandom(seed, 'train', wave, name), dims = image.dims as readonly number[];
      const inputs = {
        image: tensor('f32', dims, random('image').normal(dims.reduce((a, b) => a * b))),
        label: tensor('i64', [dims[0]!], BigInt64Array.from(random('label').integers(dims[0]!, LABELS), BigInt)),
        ...(partitioner && { partitioner }),
      };
      const stepped = await behaviour.step(state, inputs as never, { node: 'train', wave, services, signal: new AbortController().signal, random });
      state = stepped.state;
      ({ weights } = stepped.outputs as { weights: Weights });
      return stepped.outputs.metrics as Readonly<Record<string, number>>;
    },
    read: async (name) => Array.from((await host.get(tensors()[name]!)).data as Float32Array),
    names: () => Object.keys(tensors()),
    get weights() { return weights; },
  };
}
