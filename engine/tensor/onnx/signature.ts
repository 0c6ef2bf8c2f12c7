/** @file What a model file says of its inputs and outputs, read from its bytes: nothing runs. */
import type { Dim, DType } from '../../spec/tensor-type.js';
import { DATA_TYPE } from './data-type.js';
import { builtWith, readModel, type Onnx } from './schema.js';

/** An input or output as the file spells it. */
export interface ModelPort {
  readonly name: string;
  /** Our dtype, or the name of one that we do not have (`f16`). */
  readonly dtype: DType | string;
  /** Absent where the file leaves even the rank open. A size is a number, a symbol of one word, or '' where the file says nothing. */
  readonly dims?: readonly Dim[];
}
export interface ModelSignature {
  readonly inputs: readonly ModelPort[];
  readonly outputs: readonly ModelPort[];
  /** Files beside the model that hold its weights, by their paths relative to it. */
  readonly external: readonly string[];
  /** Whether gantry exported it: its images are in [-1,1]. */
  readonly ours: boolean;
}

/** TensorProto.DataType: ours, and those that models for extraction come in besides. */
const DTYPES = new Map<number, DType | string>([...Object.entries(DATA_TYPE).map(([name, number]) => [number, name] as const), [3, 'i8'], [10, 'f16'], [16, 'bf16'], [8, 'string']]);

function port({ name = '', type }: Onnx<'ValueInfoProto'>): ModelPort {
  const tensor = type?.tensorType, number = tensor?.elemType ?? 0;
  const dims = tensor?.shape && (tensor.shape.dim ?? []).map(({ dimValue, dimParam }): Dim => (dimValue !== undefined ? Number(dimValue) : (dimParam ?? '').replace(/\W+/g, '_')));
  return { name, dtype: tensor ? DTYPES.get(number) ?? `type ${number}` : 'no tensor', ...(dims && { dims }) };
}

/** Throws a RangeError (or an Error of the wire format) when the bytes are no model. */
export function signatureOfModel(bytes: Uint8Array): ModelSignature {
  const model = readModel(bytes), { graph } = model;
  if (!graph?.output?.length) throw new RangeError('it has no graph with outputs');
  // Files of old list their weights among the inputs.
  const weights = graph.initializer ?? [], own = new Set(weights.map(({ name }) => name));
  const external = weights.flatMap(({ externalData = [] }) => externalData.filter(({ key }) => key === 'location').map(({ value }) => value!));
  return { inputs: (graph.input ?? []).filter(({ name }) => !own.has(name)).map(port), outputs: graph.output.map(port), external: [...new Set(external)].sort(), ours: builtWith(model) !== undefined };
}
