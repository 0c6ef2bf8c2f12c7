/** @file Encoders by the files that runs leave: what they were built with, and their leaves. */
import { readFile } from 'node:fs/promises';
import type { Services } from '../dataflow/context.js';
import { inputError } from '../spec/issue.js';
import { tensor } from '../spec/value.js';
import type { State } from '../session/host.js';
import { builtWith, readModel } from '../tensor/onnx/schema.js';
import { placesOf, sizeOf } from '../tensor/scope.js';
import { partitionerOf, type PartitionerNetwork } from './encoder.js';
import type { Partitioner } from './values.js';

export interface EncoderFile {
  readonly file: string;
  readonly network: PartitionerNetwork;
  /** A leaf's values by its path, in the order of its sizes. Throws an InputError where the file does not have it, or has another size of it. */
  leaf(path: string, count: number): Float32Array;
}

/** Reads an encoder or a partitioner that a run of gantry left. Throws an InputError that names the file. Nothing in it is executed. */
export async function readEncoderFile(file: string): Promise<EncoderFile> {
  const bytes = await readFile(file).catch(() => { throw inputError(file, 'there is no such encoder; a run writes encoder.onnx or partitioner.onnx at its end'); });
  let model: ReturnType<typeof readModel>, network: PartitionerNetwork | undefined;
  try {
    model = readModel(bytes);
    network = JSON.parse(builtWith(model) ?? 'null') as PartitionerNetwork | undefined;
  } catch (error) {
    throw inputError(file, `is no encoder of gantry: ${(error as Error).message}`);
  }
  if (!network?.encoder) throw inputError(file, 'was not exported by gantry as an encoder: its metadata does not say what it was built with');
  const leaves = new Map(model.graph?.initializer?.map(({ name, rawData }) => [name!, rawData]));
  return {
    file, network,
    leaf(path, count) {
      const raw = leaves.get(path);
      if (!raw) throw inputError(file, `it has no weights "${path}"`);
      const values = new Float32Array(new Uint8Array(raw).buffer);
      if (values.length !== count) throw inputError(file, `its "${path}" has ${values.length} numbers; ${count} are wanted`);
      return values;
    },
  };
}

/** Puts a partitioner from its file into the host, to be asked there. */
export async function openPartitioner(services: Services, { network, leaf }: EncoderFile): Promise<Partitioner> {
  const { layout } = partitionerOf(services, network), state: Record<string, State[string]> = {};
  for (const kind of ['parameters', 'buffers'] as const) {
    const leaves = layout[kind];
    if (!leaves.length) continue;
    const flat = new Float32Array(sizeOf(leaves));
    for (const { leaf: { path }, from, to } of placesOf(leaves)) flat.set(leaf(path, to - from), from);
    state[`encoder/${kind}`] = await services.host.put(tensor('f32', [flat.length], flat));
  }
  return { network, state };
}
