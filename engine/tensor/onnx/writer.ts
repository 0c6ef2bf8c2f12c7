/** @file Collects the nodes and initialisers of an ONNX graph: the emitter that operators lower themselves with. */
import { elements, ARRAYS, type TypedArray } from '../../spec/value.js';
import type { DType, TensorShape } from '../../spec/tensor-type.js';
import type { Emitter, OnnxAttribute, Transposition } from '../op.js';
import { DATA_TYPE } from './data-type.js';
import { ATTRIBUTE, type Onnx } from './schema.js';

interface Node { readonly type: string; readonly where: string; readonly inputs: string[]; readonly outputs: string[]; readonly attributes: Readonly<Record<string, OnnxAttribute>> }

export interface Writer extends Emitter {
  /** The place of the nodes that follow, for messages of the runtime. */
  place(where: string): void;
  initializer(name: string, dtype: DType, dims: readonly number[], data: TypedArray, stays?: boolean): void;
  /** Makes a value a result of the graph. It is named where it is made; inputs, constants and results already named are copied. */
  result(from: string, to: string): void;
  graph(name: string, inputs: readonly Onnx<'ValueInfoProto'>[], outputs: readonly Onnx<'ValueInfoProto'>[]): Onnx<'GraphProto'>;
}

/** Constants up to this many bytes are merged when they are equal: the indices that lowerings gather by are the largest. */
const MERGED = 1 << 20;

export function createWriter(): Writer {
  const nodes: Node[] = [], initializers: Onnx<'TensorProto'>[] = [];
  /** Constants that the file keeps although nothing in it reads them. */
  const staying = new Set<string>();
  const constants = new Map<string, string>(), alike = new Map<string, readonly string[]>(), made = new Set<string>(), renamed = new Map<string, string>();
  const transposed = new Map<string, Transposition>();
  let values = 0, where = '';
  const fresh = () => `%${values++}`;
  const called = (name: string) => renamed.get(name) ?? name;

  const writer: Writer = {
    place(at) { where = at; },
    node(type, inputs, attributes = {}, outputs = 1, alone = false) {
      const before = type === 'Transpose' ? transposed.get(inputs[0]!) : undefined;
      if (before) {
        const perm = (attributes.perm as readonly number[]).map((axis) => before.perm[axis]!);
        return perm.every((axis, i) => axis === i) ? [before.of] : writer.node('Transpose', [before.of], { perm }, 1, alone);
      }
      // Lowerings of different equations may begin with the same steps: two gradients of a convolution, say, with the same patches.
      const key = JSON.stringify([type, inputs, attributes, outputs]), same = alike.get(key);
      if (same && !alone) return same;
      const names = Array.from({ length: outputs }, fresh);
      alike.set(key, names);
      for (const name of names) made.add(name);
      if (type === 'Transpose') transposed.set(names[0]!, { of: inputs[0]!, perm: attributes.perm as readonly number[] });
      nodes.push({ type, where, inputs: [...inputs], outputs: names, attributes });
      return names;
    },
    origin: (name) => transposed.get(name),
    cast: (input, to) => writer.node('Cast', [input], { to: DATA_TYPE[to] })[0]!,
    constant(dtype, dims, data) {
      const values = typed(dtype, data);
      const key = values.byteLength <= MERGED ? `${dtype}[${dims}]${Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('latin1')}` : undefined;
      const known = key && constants.get(key);
      if (known) return known;
      const name = fresh();
      if (key) constants.set(key, name);
      writer.initializer(name, dtype, dims, values);
      return name;
    },
    initializer(name, dtype, dims, data, stays = false) {
      if (data.length !== elements(dims)) throw new RangeError(`constant ${dtype}[${dims}] has ${data.length} elements`);
      const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      if (stays) staying.add(name);
      initializers.push({ name, dataType: DATA_TYPE[dtype], dims: dims.map(BigInt), rawData });
    },
    result(from, to) {
      if (made.has(from) && !renamed.has(from)) renamed.set(from, to);
      else nodes.push({ type: 'Identity', where, inputs: [from], outputs: [to], attributes: {} });
    },
    /** A pooling without places, where nothing reads them, runs in another kernel: the stem of a ResNet-50 takes a twentieth of the time. */
    graph(name, input, output) {
      // Transpositions that became part of others may be read by nobody.
      const read = new Set(output.map((value) => value.name!)), used = [...nodes].reverse().filter((node) => {
        const wanted = node.outputs.some((name) => read.has(called(name)));
        if (wanted) for (const value of node.inputs) read.add(called(value));
        return wanted;
      }).reverse();
      const made = ({ type, outputs }: Node) => (type === 'MaxPool' && !read.has(called(outputs[1]!)) ? outputs.slice(0, 1) : outputs);
      return {
        name, input, output, initializer: initializers.filter(({ name }) => read.has(name!) || staying.has(name!)),
        node: used.map((node, i) => ({
          name: `${node.where} #${i}`, opType: node.type, input: node.inputs.map(called), output: made(node).map(called),
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
/** An output that is a sequence of float32 tensors. */
export const sequenceInfo = (name: string): Onnx<'ValueInfoProto'> => ({ name, type: { sequenceType: { elemType: { tensorType: { elemType: DATA_TYPE.f32 } } } } });
