/** @file A run's generator, by its exported file: what it was built with, and images from it. */
import { readFile } from 'node:fs/promises';
import { inputError } from '../spec/issue.js';
import type { TensorValue } from '../spec/value.js';
import type { SessionHost } from '../session/host.js';
import { builtWith, readModel } from '../tensor/onnx/schema.js';
import type { Given } from '../training/backbone.js';
import type { Networks } from '../training/values.js';

export interface GeneratorFile {
  readonly networks: Networks;
  /** How often each label comes, where labels are clusters of the data: relative to their sum. */
  readonly shares?: readonly number[];
  /** Images in [-1,1] of latents f32[N,Z] and conditions; what the generator does not take is left aside. */
  images(z: TensorValue, given: Given<TensorValue>): Promise<TensorValue>;
  close(): Promise<void>;
}

/** Opens a generator. Throws an InputError for a file that gantry did not write. */
export async function openGenerator(host: SessionHost, file: string): Promise<GeneratorFile> {
  const bytes = await readFile(file).catch(() => { throw inputError(file, 'there is no such generator; a run writes it at its end'); });
  let about: string | undefined;
  try {
    about = builtWith(readModel(bytes));
  } catch (error) {
    throw inputError(file, `is no ONNX file: ${(error as Error).message}`);
  }
  if (!about) throw inputError(file, 'was not exported by gantry: its metadata does not say what latents and conditions it takes');
  const { shares, ...networks } = JSON.parse(about) as Networks & Pick<GeneratorFile, 'shares'>, model = await host.open(file), { labels, width } = networks.condition;
  return {
    networks, ...(shares && { shares }),
    async images(z, { label, vector }) {
      const { outputs } = await model.run({}, { z, ...(labels && { label: label! }), ...(width && { vector: vector! }) });
      return outputs.image as TensorValue;
    },
    close: () => model.release(),
  };
}
