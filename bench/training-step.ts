/** @file Our side of a training benchmark: the training node's own step, latents and scalars drawn as in a run, labels given. */
import type { StartContext } from '../engine/dataflow/node.js';
import type { Services, WaveContext } from '../engine/dataflow/context.js';
import { keyedRandom } from '../engine/session/keyed-random.js';
import { createWorkerHost } from '../engine/session/worker-host.js';
import { elements, tensor, type Resident } from '../engine/spec/value.js';
import type { TensorShape } from '../engine/spec/tensor-type.js';
import { trainNode } from '../engine/training/train-node.js';
import { dcganShallow } from '../plugins/backbones/dcgan-shallow.js';
import { mlpMaxout } from '../plugins/backbones/mlp-maxout.js';
import { adam } from '../plugins/optimisers/adam.js';
import { rmsprop } from '../plugins/optimisers/rmsprop.js';
import { selfConditioned } from '../plugins/self-conditioned-gan/method.js';
import type { Stepper } from './peer.js';

export interface StepCase {
  readonly backbone: string;
  readonly image: readonly number[];
  readonly batch: number;
  readonly k: number;
  readonly optimiser: { readonly lr: number; readonly betas: readonly [number, number] };
}

/** Starts our training node in a host of `threads` threads; it is warm when this resolves. */
export async function startOurs({ backbone, image, batch, k, optimiser }: StepCase, threads: number): Promise<Stepper> {
  const host = await createWorkerHost({ device: 'cpu', threads });
  const shapes: Readonly<Record<string, TensorShape>> = {
    image: { dtype: 'f32', dims: [batch, ...image] }, label: { dtype: 'i64', dims: [batch], below: k },
  };
  const services = { host } as Services;
  const random = (name: string) => keyedRandom(1, 'bench', 0, name);
  const context = { node: 'bench', services, random, wired: (port: string) => port in shapes, type: (port: string) => shapes[port]! } as StartContext;
  const node = trainNode(selfConditioned, { backbones: [mlpMaxout, dcganShallow], optimisers: [adam, rmsprop] });
  const behaviour = await node.start(node.config.parse({ backbone: { type: backbone }, optimiser: { type: 'adam', ...optimiser } }), context);
  const inputs = {
    image: tensor('f32', shapes.image!.dims as number[], random('image').uniform(batch * elements(image)).map((u) => 2 * u - 1)),
    label: tensor('i64', [batch], BigInt64Array.from(random('label').integers(batch, k) as Iterable<number>, BigInt)),
  };
  let state = behaviour.state as { readonly tensors: Readonly<Record<string, Resident>> };
  let wave = 0;
  const step = async () => {
    const context: WaveContext = { node: 'bench', wave, signal: new AbortController().signal, services, random: (name) => keyedRandom(1, 'bench', wave, name) };
    const next = (await behaviour.step(state, inputs, context)).state as typeof state;
    const kept = new Set(Object.values(next.tensors));
    host.release(Object.values(state.tensors).filter((resident) => !kept.has(resident)));
    state = next;
    wave++;
  };
  for (let i = 0; i < 3; i++) await step();
  return {
    name: `gantry, ${threads} thread${threads === 1 ? '' : 's'}`,
    async time(steps) {
      const start = performance.now();
      for (let i = 0; i < steps; i++) await step();
      return (performance.now() - start) / 1000;
    },
    close: () => host.close(),
  };
}
