/** @file A model file known without ONNX Runtime: its signature, and the hash of all that it computes with. */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setImmediate as pause } from 'node:timers/promises';
import { inputError } from '../spec/issue.js';
import { signatureOfModel, type ModelSignature } from '../tensor/onnx/signature.js';

export interface ModelFile extends ModelSignature {
  readonly path: string;
  /** Of the file, and of the files beside it that hold its weights. */
  readonly sha256: string;
}

/** Files that were read, by path: a graph is composed more than once. */
const known = new Map<string, { readonly state: string; readonly model: ModelFile }>();

/** Reads a model file. Throws an InputError that names it if it is not there or no ONNX model. */
export async function readModelFile(path: string): Promise<ModelFile> {
  await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw inputError(path, error.code === 'ENOENT' ? 'there is no such file; wants an ONNX model' : `can not be read: ${error.code}`);
  });
  const before = known.get(resolve(path));
  if (before && before.state === await stateOf(path, before.model.external)) return before.model;
  const model = await read(path);
  known.set(resolve(path), { state: await stateOf(path, model.external), model });
  return model;
}

/** Sizes and times of a model's files: equal as long as nobody writes them. */
async function stateOf(path: string, external: readonly string[]): Promise<string> {
  const files = [path, ...external.map((name) => join(dirname(path), name))];
  return (await Promise.all(files.map((file) => stat(file).then(({ size, mtimeMs }) => `${size} ${mtimeMs}`, () => 'gone')))).join(', ');
}

async function read(path: string): Promise<ModelFile> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => { throw inputError(path, `can not be read: ${error.code}`); });
  let signature: ModelSignature;
  try {
    signature = signatureOfModel(bytes);
  } catch (error) {
    throw inputError(path, `is no ONNX model, or not a whole one: ${(error as Error).message}`, {}, { cause: error });
  }
  const hash = createHash('sha256');
  for (let from = 0; from < bytes.length; from += SLICE) {
    hash.update(bytes.subarray(from, from + SLICE));
    await pause();
  }
  for (const name of signature.external) await addFile(hash, join(dirname(path), name), path);
  return { path, sha256: hash.digest('hex'), ...signature };
}

/** Hashed between two turns of the main loop: a few milliseconds. */
const SLICE = 1 << 22;

async function addFile(hash: Hash, path: string, of: string): Promise<void> {
  try {
    for await (const piece of createReadStream(path)) hash.update(piece as Uint8Array);
  } catch (error) {
    throw inputError(of, `its weights are in ${path}, which can not be read: ${(error as NodeJS.ErrnoException).code}`);
  }
}
