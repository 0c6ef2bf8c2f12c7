/** @file Networks as ONNX files that any ONNX Runtime can run: weights inside, named by their leaves, and what they were built with in the metadata. */
import type { Services } from '../dataflow/context.js';
import type { State } from '../session/host.js';
import type { TensorShape } from '../spec/tensor-type.js';
import { tensor, type TensorValue } from '../spec/value.js';
import { encode } from '../tensor/onnx/encode.js';
import { BUILT } from '../tensor/onnx/schema.js';
import { input } from '../tensor/ops/index.js';
import { placesOf, separate, type Layout, type Scope } from '../tensor/scope.js';
import type { Tensor } from '../tensor/tensor.js';
import type { Backbone } from './backbone.js';
import { partitionerOf } from './encoder.js';
import type { TrainedName } from './method.js';
import { conditionShapes, generatorState, networkPair } from './networks.js';
import type { Partitioner, Weights } from './values.js';

/** A network to be exported: its part of the state, and what it computes of its inputs. */
interface Exported {
  readonly name: TrainedName;
  readonly layout: Layout;
  readonly state: State;
  readonly inputs: Readonly<Record<string, TensorShape>>;
  readonly apply: (scope: Scope, inputs: Readonly<Record<string, Tensor>>) => Readonly<Record<string, Tensor>>;
  /** Plain data by which gantry opens the file again. */
  readonly built: unknown;
}

/** The generator, the averaged one if there is one; with the shares of its labels, it is sampled in these. Inputs `z` f32[N,Z] and those of `label` i64[N] and `vector` f32[N,E] that the networks are conditioned on; output `image` f32[N,…] in [-1,1]. */
export function exportGenerator(weights: Weights, services: Services, shares?: readonly number[]): Promise<Uint8Array> {
  const { networks } = weights, { generator } = networkPair(networks, services.component<Backbone>('backbone', networks.backbone));
  return exported({
    name: 'generator', layout: generator.layout, state: generatorState(weights), built: { ...networks, ...(shares && { shares }) },
    inputs: { z: { dtype: 'f32', dims: ['N', networks.latent] }, ...conditionShapes(networks, 'N') },
    apply: (scope, inputs) => ({ image: generator.apply(scope, inputs.z!, inputs) }),
  }, services);
}

/** An encoder, under its head where that makes it a partitioner. Input `image` f32[N,…] in [-1,1]; outputs `feature` f32[N,F], and `logit` f32[N,K] of a partitioner. */
export function exportEncoder({ network, state }: Partitioner, services: Services): Promise<Uint8Array> {
  const { layout, apply } = partitionerOf(services, network), whole = network.head === 'linear';
  return exported({
    name: 'encoder', layout, state, built: network, inputs: { image: { dtype: 'f32', dims: ['N', ...network.image] } },
    apply: (scope, inputs) => {
      const { feature, logit } = apply(scope, inputs.image!);
      return { feature, ...(whole && { logit }) };
    },
  }, services);
}

async function exported({ name, layout, state, inputs: shapes, apply, built }: Exported, { host }: Services): Promise<Uint8Array> {
  const inputs = Object.fromEntries(Object.entries(shapes).map(([port, shape]) => [port, input(port, shape)]));
  const { leaves, result } = separate((scope) => apply(scope, inputs));
  const constants: Record<string, TensorValue> = {};
  for (const kind of ['parameters', 'buffers'] as const) {
    const resident = state[`${name}/${kind}`];
    if (!resident) continue;
    const { data } = await host.get(resident);
    for (const { leaf: { path, dims }, from, to } of placesOf(layout[kind])) constants[path] = tensor('f32', dims, (data as Float32Array).subarray(from, to));
  }
  const states = Object.fromEntries([...leaves].map(([path, value]) => [path, { value, next: value }]));
  return encode({ name, inputs, state: states, outputs: result }, { constants, metadata: { [BUILT]: JSON.stringify(built) } });
}
