/** @file What tests of extractors share: tiny models by our own encoder, a data set in memory, services with a store of their own. */
import { mkdtemp, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Services } from '../../engine/dataflow/context.js';
import { knownModels, resolvePath } from '../../engine/registry/paths.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import type { SessionHost } from '../../engine/session/host.js';
import { inputError } from '../../engine/spec/issue.js';
import type { Dim, TensorShape } from '../../engine/spec/tensor-type.js';
import { elements, int64, tensor, transient } from '../../engine/spec/value.js';
import { encode } from '../../engine/tensor/onnx/encode.js';
import { program, type Body } from '../../engine/tensor/program.js';
import * as ops from '../../engine/tensor/ops/index.js';
import type { Tensor } from '../../engine/tensor/tensor.js';
import type { Dataset } from '../../engine/training/values.js';

export const temporary = (): Promise<string> => mkdtemp(path.join(os.tmpdir(), 'gantry-extract-'));

/** A model file of one input, `image`. */
export async function modelFile(folder: string, name: string, dims: readonly Dim[], body: (image: Tensor) => Body['outputs'], dtype: TensorShape['dtype'] = 'f32'): Promise<string> {
  const file = path.join(folder, `${name}.onnx`);
  await writeFile(file, encode(program(name, {}, { image: { dtype, dims } }, (_, { image }) => ({ outputs: body(image) }))));
  return file;
}

/** Features that depend on every pixel by its place: [N,3,r,r] to [N,width], by a matrix drawn from the name. */
export const mixing = (folder: string, name: string, size: number, width: number, channels = 3): Promise<string> =>
  modelFile(folder, name, ['N', channels, size, size], (image) => {
    const inner = channels * size * size, weights = Float64Array.from(keyedRandom(1, 'model', 0, name).normal(inner * width));
    return { features: ops.matmul(ops.reshape(image, ['N', inner]), ops.constant(weights, 'f32', [inner, width])) };
  });

export interface Heard { readonly services: Services; readonly notes: string[] }

/** Services of a run whose store is in `folder`; what is said is collected. */
export function heard(host: SessionHost, folder: string): Heard {
  const notes: string[] = [], known = knownModels();
  const component = <T>(kind: string, name: string): T => {
    if (kind !== 'model' || !known[name]) throw inputError(`${kind} "${name}"`, `there is no such ${kind}`);
    return known[name] as T;
  };
  return { notes, services: { host, resolve: resolvePath, cache: folder, component, progress: () => {}, note: (message) => { notes.push(message); } } };
}

export interface SmallDataset extends Dataset { readonly images: Float32Array; readonly reads: number[] }

/** Random images in [-1,1]; `reads` has the first index of every read. */
export function smallDataset(size: number, image: readonly number[], { seed = 1, delay = 0 } = {}): SmallDataset {
  const width = elements(image), images = keyedRandom(seed, 'images', 0, 'pixels').uniform(size * width).map((u) => 2 * u - 1), reads: number[] = [];
  return {
    [transient]: true,
    name: `noise ${seed}`, key: `noise ${seed} ${size} ${image}`, size, image: { dtype: 'f32', dims: image }, classes: 2, images, reads,
    labels: Int32Array.from({ length: size }, (_, i) => i % 2),
    async read(indices) {
      reads.push(indices[0]!);
      await wait(delay);
      const out = new Float32Array(indices.length * width);
      indices.forEach((at, i) => { out.set(images.subarray(at * width, (at + 1) * width), i * width); });
      return { image: tensor('f32', [indices.length, ...image], out), label: int64(Array.from(indices, (i) => i % 2)) };
    },
  };
}
