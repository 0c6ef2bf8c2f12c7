/** @file The part of the ONNX file format that we write and read: field numbers from the public onnx.proto, the wire format from @bufbuild/protobuf. */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** Messages by name, their fields by name: type (`[]`: repeated) and number. */
const MESSAGES = {
  ModelProto: {
    irVersion: ['int64', 1], producerName: ['string', 2], graph: ['GraphProto', 7], opsetImport: ['OperatorSetIdProto[]', 8],
    metadataProps: ['StringStringEntryProto[]', 14],
  },
  OperatorSetIdProto: { domain: ['string', 1], version: ['int64', 2] },
  StringStringEntryProto: { key: ['string', 1], value: ['string', 2] },
  GraphProto: {
    node: ['NodeProto[]', 1], name: ['string', 2], initializer: ['TensorProto[]', 5], input: ['ValueInfoProto[]', 11], output: ['ValueInfoProto[]', 12],
    valueInfo: ['ValueInfoProto[]', 13],
  },
  NodeProto: {
    input: ['string[]', 1], output: ['string[]', 2], name: ['string', 3], opType: ['string', 4], attribute: ['AttributeProto[]', 5], domain: ['string', 7],
  },
  AttributeProto: {
    name: ['string', 1], f: ['float', 2], i: ['int64', 3], s: ['bytes', 4], floats: ['float[]', 7], ints: ['int64[]', 8], type: ['int32', 20],
  },
  TensorProto: {
    dims: ['int64[]', 1], dataType: ['int32', 2], name: ['string', 8], rawData: ['bytes', 9], externalData: ['StringStringEntryProto[]', 13],
  },
  ValueInfoProto: { name: ['string', 1], type: ['TypeProto', 2] },
  TypeProto: { tensorType: ['TypeProtoTensor', 1], sequenceType: ['TypeProtoSequence', 4] },
  TypeProtoSequence: { elemType: ['TypeProto', 1] },
  TypeProtoTensor: { elemType: ['int32', 1], shape: ['TensorShapeProto', 2] },
  TensorShapeProto: { dim: ['Dimension[]', 1] },
  Dimension: { dimValue: ['int64', 1], dimParam: ['string', 2] },
} as const;

type Messages = typeof MESSAGES;
interface Scalars { readonly int64: bigint; readonly int32: number; readonly float: number; readonly string: string; readonly bytes: Uint8Array }
type Field<T> =
  T extends `${infer Each}[]` ? readonly Field<Each>[] : T extends keyof Scalars ? Scalars[T] : T extends keyof Messages ? Onnx<T> : never;
/** A message as plain data. */
export type Onnx<M extends keyof Messages> = { readonly [F in keyof Messages[M]]?: Field<Messages[M][F] extends readonly [infer T, number] ? T : never> };

/** AttributeProto.AttributeType. */
export const ATTRIBUTE = { float: 1, int: 2, string: 3, floats: 6, ints: 7 } as const;

type Spelled = readonly [string, number];
interface FieldRule { readonly name: string; readonly number: number; readonly type: string; readonly repeated: boolean }
const FIELDS: Readonly<Record<string, readonly FieldRule[]>> = Object.fromEntries(Object.entries(MESSAGES).map(([message, fields]) =>
  [message, Object.entries<Spelled>(fields).map(([name, [spelled, number]]) => ({ name, number, type: spelled.replace('[]', ''), repeated: spelled.endsWith('[]') }))]));

const SCALARS: Readonly<Record<string, { readonly wire: WireType; write(to: BinaryWriter, value: never): unknown; read(from: BinaryReader): unknown }>> = {
  int64: { wire: WireType.Varint, write: (to, value: bigint) => to.int64(value), read: (from) => BigInt(from.int64()) },
  int32: { wire: WireType.Varint, write: (to, value: number) => to.int32(value), read: (from) => from.int32() },
  float: { wire: WireType.Bit32, write: (to, value: number) => to.float(value), read: (from) => from.float() },
  string: { wire: WireType.LengthDelimited, write: (to, value: string) => to.string(value), read: (from) => from.string() },
  bytes: { wire: WireType.LengthDelimited, write: (to, value: Uint8Array) => to.bytes(value), read: (from) => from.bytes() },
};

type Content = Readonly<Record<string, unknown>>;

function write(to: BinaryWriter, message: string, content: Content): void {
  for (const { name, number, type, repeated } of FIELDS[message]!) {
    const value = content[name];
    if (value === undefined) continue;
    const scalar = SCALARS[type];
    for (const each of repeated ? value as unknown[] : [value]) {
      if (scalar) scalar.write(to.tag(number, scalar.wire), each as never);
      else {
        to.tag(number, WireType.LengthDelimited).fork();
        write(to, type, each as Content);
        to.join();
      }
    }
  }
}

function read(from: BinaryReader, message: string, end: number): Content {
  const content: Record<string, unknown> = {};
  const put = ({ name, repeated }: FieldRule, value: unknown) => {
    if (!repeated) content[name] = value;
    else if (content[name]) (content[name] as unknown[]).push(value);
    else content[name] = [value];
  };
  while (from.pos < end) {
    const [number, wire] = from.tag(), field = FIELDS[message]!.find((f) => f.number === number);
    const scalar = field && SCALARS[field.type];
    if (!field) from.skip(wire, number);
    else if (!scalar) put(field, read(from, field.type, from.uint32() + from.pos));
    else if (wire === scalar.wire) put(field, scalar.read(from));
    else for (const last = from.uint32() + from.pos; from.pos < last;) put(field, scalar.read(from)); // Packed numbers.
  }
  return content;
}

/** The bytes of a model file. */
export function writeModel(content: Onnx<'ModelProto'>): Uint8Array {
  const to = new BinaryWriter();
  write(to, 'ModelProto', content);
  return to.finish();
}
/** The fields above of a model file, the others left out. Throws a RangeError when the bytes end too early. */
export const readModel = (bytes: Uint8Array): Onnx<'ModelProto'> => read(new BinaryReader(bytes), 'ModelProto', bytes.length);

/** In the metadata of files that gantry exported: what they were built with, as JSON. */
export const BUILT = 'gantry';
/** That of a file, as text; `undefined` of other files. */
export const builtWith = ({ metadataProps }: Onnx<'ModelProto'>): string | undefined => metadataProps?.find(({ key }) => key === BUILT)?.value;

/** Every field of a message as it lies there: its number, all of it, and its content. */
function fields(bytes: Uint8Array): { readonly number: number; readonly whole: Uint8Array; readonly content: Uint8Array }[] {
  const from = new BinaryReader(bytes), found = [];
  while (from.pos < bytes.length) {
    const start = from.pos, [number, wire] = from.tag(), at = from.pos;
    from.skip(wire, number);
    const whole = bytes.subarray(start, from.pos), content = wire === WireType.LengthDelimited ? new BinaryReader(bytes.subarray(at, from.pos)).bytes() : whole.subarray(at - start);
    found.push({ number, whole, content });
  }
  return found;
}

/** A model file with nodes of its graph, by their number, replaced by others, and with more of what a graph has. All else, known here or not, stays as it lies there. */
export function replaceNodes(bytes: Uint8Array, nodes: ReadonlyMap<number, readonly Onnx<'NodeProto'>[]>, more: Pick<Onnx<'GraphProto'>, 'initializer' | 'valueInfo'>): Uint8Array {
  const { graph } = MESSAGES.ModelProto, { node } = MESSAGES.GraphProto, to = new BinaryWriter();
  const put = (into: BinaryWriter, number: number, message: string, content: Content) => {
    into.tag(number, WireType.LengthDelimited).fork();
    write(into, message, content);
    into.join();
  };
  for (const { number, whole, content } of fields(bytes)) {
    if (number !== graph[1]) { to.raw(whole); continue; }
    let index = 0;
    to.tag(number, WireType.LengthDelimited).fork();
    for (const field of fields(content)) {
      const others = field.number === node[1] ? nodes.get(index++) : undefined;
      if (!others) to.raw(field.whole);
      for (const other of others ?? []) put(to, node[1], 'NodeProto', other);
    }
    write(to, 'GraphProto', more);
    to.join();
  }
  return to.finish();
}
