/** @file ONNX Runtime as functions over our types: the only file that imports onnxruntime-node. Loaded where sessions run, never in the main thread. */
import { env, InferenceSession, Tensor } from 'onnxruntime-node';
import type { Signature } from '../spec/signature.js';
import type { DType, TensorShape } from '../spec/tensor-type.js';
import { ARRAYS, elements, type TensorValue, type TypedArray } from '../spec/value.js';
import { REFUSED } from '../tensor/onnx/encode.js';
import type { SessionSettings, Sized } from './protocol.js';

export type NativeTensor = Tensor;
export interface Session {
  readonly native: InferenceSession;
  readonly signature: Signature;
  /** Whether its outputs are written into tensors that the caller gives. */
  readonly places: boolean;
}

/** Rejections carry what ONNX Runtime has to say, so that its own log stays quiet. */
const FATAL = 4;
env.logLevel = 'fatal';
/** The log names missing libraries, which rejections do not: for a process of its own, before its first session. */
export const logErrors = (): void => { env.logLevel = 'error'; };

const NATIVE = { f32: 'float32', f64: 'float64', i64: 'int64', i32: 'int32', u8: 'uint8', bool: 'bool' } as const satisfies Record<DType, Tensor.Type>;
const OURS = new Map<string, DType>(Object.entries(NATIVE).map(([ours, native]) => [native, ours as DType]));

/** Opens a model; its inputs and outputs must be tensors of our types. */
export async function open(model: string | Uint8Array, settings: SessionSettings): Promise<Session> {
  const options: InferenceSession.SessionOptions = {
    executionProviders: [settings.device],
    graphOptimizationLevel: settings.optimization,
    intraOpNumThreads: settings.threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    enableMemPattern: settings.memoryPattern,
    logSeverityLevel: FATAL,
    extra: {
      ...(settings.sleep && { session: { intra_op: { allow_spinning: '0' } } }),
      ...(settings.asWritten && { optimization: { disable_specified_optimizers: 'CommonSubexpressionElimination' } }),
    },
  };
  const native = await (typeof model === 'string' ? InferenceSession.create(model, options) : InferenceSession.create(model, options));
  let unnamed = 0;
  const shapes = (side: string, metadata: readonly InferenceSession.ValueMetadata[]) =>
    Object.fromEntries(metadata.map((value): [string, TensorShape] => {
      const dtype = value.isTensor ? OURS.get(value.type) : undefined;
      if (!value.isTensor || !dtype) throw new Error(`${side} "${value.name}" is ${value.isTensor ? value.type : 'no tensor'}; wants one of ${[...OURS.keys()].join(', ')}`);
      // Exporters name sizes freely ("batch size", "floor(H/2)", ""); ours are one word, and sizes without a name are free of each other.
      const dims = value.shape.map((size) => (typeof size === 'number' ? size : size.replace(/\W+/g, '_') || `any${++unnamed}`));
      return [value.name, { dtype, dims }];
    }));
  try {
    const results = native.outputMetadata.filter(({ name }) => name !== REFUSED);
    return {
      native, places: results.length < native.outputMetadata.length,
      signature: { inputs: shapes('input', native.inputMetadata), outputs: shapes('output', results) },
    };
  } catch (error) {
    await native.release();
    throw error;
  }
}

/** Runs once. Outputs are fresh tensors in memory of their own. */
export async function run({ native }: Session, feeds: Readonly<Record<string, Tensor>>, fetches: readonly string[]): Promise<Readonly<Record<string, Tensor>>> {
  return fetches.length ? native.run(feeds, fetches) : {};
}

/**
 * Runs once and writes the outputs into `into`. The binding writes into given tensors and then makes a copy of each output nevertheless (with cleared memory
 * and its page faults, a fifth of a small training step), in their order, and stops at the first that it can't hand over. So that is our programs' first.
 */
export async function runInto({ native }: Session, feeds: Readonly<Record<string, Tensor>>, into: Readonly<Record<string, Tensor>>): Promise<void> {
  try {
    await native.run(feeds, { [REFUSED]: null, ...into });
  } catch (error) {
    if ((error as Error).message !== 'Non tensor type is temporarily not supported.') throw error;
  }
}

/** A tensor of zeros. */
export const blank = ({ dtype, dims }: Sized): Tensor => toNative({ dtype, dims, data: new ARRAYS[dtype](elements(dims)) });

/** Wraps the value's data without a copy. */
export const toNative = ({ dtype, dims, data }: TensorValue): Tensor => new Tensor(NATIVE[dtype], data as Float32Array, dims);

export const dtypeOf = (tensor: Tensor): DType => OURS.get(tensor.type)!;

/** A tensor as a value with the same data. */
export const unwrap = (tensor: Tensor): TensorValue => ({ dtype: dtypeOf(tensor), dims: tensor.dims, data: tensor.data as TypedArray });

/** Copies a tensor out. */
export function toValue(tensor: Tensor): TensorValue {
  const value = unwrap(tensor);
  return { ...value, data: value.data.slice() };
}

/** What ONNX Runtime says, without its source files and status codes. */
export function explain(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text
    .replace(/Non-zero status code returned while running (\w+) node\. Name:'([^']*)' Status Message: /g, (_, op, name) => `${op}${name ? ` "${name}"` : ''}: `)
    .replace(/\/onnxruntime_src\/\S+:\d+ (?:.*? was (?:false|true)\. )?/gs, '')
    .replace(/\[ONNXRuntimeError\] : \d+ : \w+ : /g, '')
    .trim().split('\n')[0]!;
}
