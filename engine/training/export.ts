/** @file The generator as an ONNX file that any ONNX Runtime can sample: weights inside, named by their leaves. */
import type { Services } from '../dataflow/context.js';
import { elements, tensor, type TensorValue } from '../spec/value.js';
import { encode } from '../tensor/onnx/encode.js';
import { input } from '../tensor/ops/index.js';
import { separate } from '../tensor/scope.js';
import type { Backbone } from './backbone.js';
import { conditionShapes, generatorState, networkPair } from './networks.js';
import type { Weights } from './values.js';

/** Inputs `z` f32[N,Z] and those of `label` i64[N] and `vector` f32[N,E] that the networks are conditioned on; output `image` f32[N,…] in [-1,1]. The averaged generator if there is one. */
export async function exportGenerator(weights: Weights, services: Services): Promise<Uint8Array> {
  const { networks } = weights;
  const { generator } = networkPair(networks, services.component<Backbone>('backbone', networks.backbone));
  const shapes = { z: { dtype: 'f32', dims: ['N', networks.latent] } as const, ...conditionShapes(networks, 'N') };
  const inputs = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, input(name, shape)]));
  const { leaves, result } = separate((scope) => generator.apply(scope, inputs.z!, inputs));
  const constants: Record<string, TensorValue> = {};
  const state = generatorState(weights);
  for (const kind of ['parameters', 'buffers'] as const) {
    const resident = state[`generator/${kind}`];
    if (!resident) continue;
    const { data } = await services.host.get(resident);
    let offset = 0;
    for (const { path, dims } of generator.layout[kind]) {
      const end = offset + elements(dims);
      constants[path] = tensor('f32', dims, (data as Float32Array).subarray(offset, end));
      offset = end;
    }
  }
  return encode({
    name: 'generator',
    inputs,
    state: Object.fromEntries([...leaves].map(([path, value]) => [path, { value, next: value }])),
    outputs: { image: result },
  }, { constants, metadata: { gantry: JSON.stringify(networks) } });
}
