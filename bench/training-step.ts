/** @file Our side of the training and generation benchmarks: the training node's own step, draws and scalars as in a run, its batch given; and images of its weights. */
import type { StartContext } from '../engine/dataflow/node.js';
import type { Services, WaveContext } from '../engine/dataflow/context.js';
import { keyedRandom } from '../engine/session/keyed-random.js';
import { createWorkerHost } from '../engine/session/worker-host.js';
import { elements, tensor, type Resident, type TensorValue } from '../engine/spec/value.js';
import type { TensorShape } from '../engine/spec/tensor-type.js';
import { learnerNode } from '../engine/training/learner-node.js';
import { drawLatents, generate } from '../engine/training/networks.js';
import { trainNode } from '../engine/training/train-node.js';
import type { Partitioner, Weights } from '../engine/training/values.js';
import { biggan } from '../plugins/backbones/biggan.js';
import { dcganDeep, dcganShallow } from '../plugins/backbones/dcgan.js';
import { mlpMaxout } from '../plugins/backbones/mlp-maxout.js';
import { resnet2 } from '../plugins/backbones/resnet2.js';
import { sngan32 } from '../plugins/backbones/sngan.js';
import { icGan } from '../plugins/ic-gan/method.js';
import { adam } from '../plugins/optimisers/adam.js';
import { rmsprop } from '../plugins/optimisers/rmsprop.js';
import { lipschitzResnet } from '../plugins/partitioners/lipschitz-resnet.js';
import { partitioner } from '../plugins/pgmgan/learners.js';
import { pgmgan } from '../plugins/pgmgan/method.js';
import { selfConditioned } from '../plugins/self-conditioned-gan/method.js';
import { startStepper, type Stepper } from './stepper.js';

const backbones = [mlpMaxout, dcganShallow, dcganDeep, resnet2, biggan, sngan32], encoders = [lipschitzResnet], optimisers = [adam, rmsprop];
const nodes = {
  'self-conditioned': trainNode(selfConditioned, { backbones, optimisers }),
  'ic-gan': trainNode(icGan, { backbones, optimisers }),
  pgmgan: trainNode(pgmgan, { backbones, optimisers }),
  partitioner: learnerNode(partitioner, { encoders, optimisers }),
};

export interface StepCase {
  /** The training node is `train/` this. */
  readonly trains: keyof typeof nodes;
  /** Its configuration. */
  readonly config: object;
  /** What arrives at its ports each wave. */
  readonly batch: Readonly<Record<string, TensorShape>>;
  /** The node whose partitioner, as it is at first, arrives there besides. */
  readonly guide?: StepCase;
}

const random = (name: string, wave = 0) => keyedRandom(1, 'bench', wave, name);

/** Labels of all kinds, pixels in -1 to 1, and vectors. */
function given(name: string, { dtype, dims, below }: TensorShape): TensorValue {
  const sizes = dims as readonly number[], count = elements(sizes);
  if (dtype === 'i64') return tensor('i64', sizes, BigInt64Array.from(random(name).integers(count, below as number) as Iterable<number>, BigInt));
  return tensor('f32', sizes, name === 'image' || name === 'neighbour' ? random(name).uniform(count).map((u) => 2 * u - 1) : random(name).normal(count));
}

function begin({ trains, config, batch }: StepCase, services: Services) {
  const context = { node: 'bench', services, random, wired: (port: string) => port in batch, type: (port: string) => batch[port]! } as StartContext, node = nodes[trains];
  return node.start(node.config.parse(config), context);
}

async function start(step: StepCase, threads: number) {
  const host = await createWorkerHost({ device: 'cpu', threads });
  const component = (_: string, name: string) => [...backbones, ...encoders].find((part) => part.name === name);
  const services = { host, component } as unknown as Services;
  return { host, services, behaviour: await begin(step, services) };
}

type Tensors = Readonly<Record<string, Resident>>;

/** Releases what of one version of the state the next has not. */
function forget(services: Services, tensors: Tensors, next: Tensors): void {
  const kept = new Set(Object.values(next));
  services.host.release(Object.values(tensors).filter((resident) => !kept.has(resident)));
}

/** The partitioner that a node has before its first wave; nothing else of that node stays. */
async function untrained(step: StepCase, services: Services): Promise<Partitioner> {
  const { initial, state } = await begin(step, services), { partitioner } = initial!(state) as { readonly partitioner: Partitioner };
  forget(services, (state as { readonly tensors: Tensors }).tensors, partitioner.state as Tensors);
  return partitioner;
}

/** Starts the training node in a host of `threads` threads; it is warm when this resolves. */
export async function startTraining(step: StepCase, threads: number): Promise<Stepper> {
  const { host, services, behaviour } = await start(step, threads);
  const inputs = {
    ...Object.fromEntries(Object.entries(step.batch).map(([name, shape]) => [name, given(name, shape)])),
    ...(step.guide && { partitioner: await untrained(step.guide, services) }),
  };
  let state = behaviour.state as { readonly tensors: Tensors }, wave = 0;
  return startStepper(threads, 3, async () => {
    const context: WaveContext = { node: 'bench', wave, signal: new AbortController().signal, services, random: (name) => random(name, wave) };
    const next = (await behaviour.step(state, inputs, context)).state as typeof state;
    forget(services, state.tensors, next.tensors);
    state = next;
    wave++;
  }, { close: () => host.close() });
}

/** Starts the generator of our training node's first weights: a step is a batch of images. */
export async function startGeneration(step: StepCase, threads: number): Promise<Stepper> {
  const { host, services, behaviour } = await start(step, threads), { weights } = behaviour.initial!(behaviour.state) as { readonly weights: Weights };
  const [batch] = step.batch.image!.dims as readonly number[], condition = Object.fromEntries(Object.entries(step.batch).filter(([name]) => name !== 'image').map(([name, shape]) => [name, given(name, shape)]));
  let wave = 0;
  return startStepper(threads, 3, () => generate(services, weights, drawLatents(weights.networks, random('z', wave++), batch!), condition), { close: () => host.close() });
}
