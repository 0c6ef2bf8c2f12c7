/** @file Collects the nodes and initialisers of an ONNX graph: the emitter that operators lower themselves with. */
import { elements, ARRAYS, type TypedArray } from '../../spec/value.js';
import type { DType, TensorShape } from '../../spec/tensor-type.js';
import type { Emitter, OnnxAttribute } from '../op.js';
import { DATA_TYPE } from './data-type.js';
import { ATTRIBUTE, type Onnx } from './schema.js';

interface Node { readonly type: string; readonly where: string; readonly inputs: string[]; readonly outputs: string[]; readonly attributes: Readonly<Record<string, OnnxAttribute>> }

export interface Writer extends Emitter {
  /** The place of the nodes that follow, for messages of the runtime. */
  place(where: string): void;
  initializer(name: string, dtype: DType, dims: readonly number[], data: TypedArray): void;
  /** Gives a value another name; false if it is not a node's result, or already has a name of its own. */
  rename(from: string, to: string): boolean;
  graph(name: string, inputs: readonly Onnx<'ValueInfoProto'>[], outputs: readonly Onnx<'ValueInfoProto'>[]): Onnx<'GraphProto'>;
}

/** Constants up to this many elements are merged when they are equal. */
const MERGED = 64;

export function createWriter(): Writer {
  const nodes: Node[] = [], initializers: Onnx<'TensorProto'>[] = [];
  const constants = new Map<string, string>(), made = new Set<string>(), renamed = new Map<string, string>();
  let values = 0, where = '';
  const fresh = () => `%${values++}`;
  const called = (name: string) => renamed.get(name) ?? name;

  const writer: Writer = {
    place(at) { where = at; },
    node(type, inputs, attributes = {}, outputs = 1) {
      const names = Array.from({ length: outputs }, fresh);
      for (const name of names) made.add(name);
      nodes.push({ type, where, inputs: [...inputs], outputs: names, attributes });
      return names;
    },
    cast: (input, to) => writer.node('Cast', [input], { to: DATA_TYPE[to] })[0]!,
    constant(dtype, dims, data) {
      const key = data.length <= MERGED ? `${dtype}[${dims}]${Array.from(data, String)}` : undefined;
      const known = key && constants.get(key);
      if (known) return known;
      const name = fresh();
      if (key) constants.set(key, name);
      writer.initializer(name, dtype, dims, typed(dtype, data));
      return name;
    },
    initializer(name, dtype, dims, data) {
      if (data.length !== elements(dims)) throw new RangeError(`constant ${dtype}[${dims}] has ${data.length} elements`);
      const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      initializers.push({ name, dataType: DATA_TYPE[dtype], dims: dims.map(BigInt), rawData });
    },
    rename(from, to) {
      if (!made.has(from) || renamed.has(from)) return false;
      renamed.set(from, to);
      return true;
    },
    graph(name, input, output) {
      const read = new Set(nodes.flatMap((node) => node.inputs));
      return {
        name, input, output, initializer: initializers.filter((constant) => read.has(constant.name!)),
        node: nodes.map((node, i) => ({
          name: `${node.where} #${i}`, opType: node.type, input: node.inputs.map(called), output: node.outputs.map(called),
          attribute: Object.entries(node.attributes).map(([key, value]) => ({ name: key, ...attribute(value) })),
        })),
      };
    },
  };
  return writer;
}

function typed(dtype: DType, data: TypedArray | readonly number[]): TypedArray {
  if (data instanceof ARRAYS[dtype]) return data;
  const values = data as ArrayLike<number>;
  return dtype === 'i64' ? BigInt64Array.from(Array.from(values, (v) => BigInt(v))) : ARRAYS[dtype].from(values) as TypedArray;
}

function attribute(value: OnnxAttribute): Onnx<'AttributeProto'> {
  if (typeof value === 'number') return { type: ATTRIBUTE.int, i: BigInt(value) };
  if (typeof value === 'string') return { type: ATTRIBUTE.string, s: new TextEncoder().encode(value) };
  if ('float' in value) return { type: ATTRIBUTE.float, f: value.float };
  if ('floats' in value) return { type: ATTRIBUTE.floats, floats: value.floats };
  return { type: ATTRIBUTE.ints, ints: value.map(BigInt) };
}

/** A graph's input or output. Symbols become parameters of the file. */
export const valueInfo = (name: string, { dtype, dims }: TensorShape): Onnx<'ValueInfoProto'> => ({
  name,
  type: { tensorType: { elemType: DATA_TYPE[dtype], shape: { dim: dims.map((d) => (typeof d === 'number' ? { dimValue: BigInt(d) } : { dimParam: d })) } } },
});
