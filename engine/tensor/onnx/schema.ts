/** @file The part of the ONNX file format that we write and read: field numbers from the public onnx.proto, the wire format from @bufbuild/protobuf. */
import { create, createFileRegistry, fromBinary, toBinary, type DescMessage } from '@bufbuild/protobuf';
import { FieldDescriptorProto_Label as Label, FieldDescriptorProto_Type as Type, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';

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
  },
  NodeProto: {
    input: ['string[]', 1], output: ['string[]', 2], name: ['string', 3], opType: ['string', 4], attribute: ['AttributeProto[]', 5], domain: ['string', 7],
  },
  AttributeProto: {
    name: ['string', 1], f: ['float', 2], i: ['int64', 3], s: ['bytes', 4], floats: ['float[]', 7], ints: ['int64[]', 8], type: ['int32', 20],
  },
  TensorProto: { dims: ['int64[]', 1], dataType: ['int32', 2], name: ['string', 8], rawData: ['bytes', 9] },
  ValueInfoProto: { name: ['string', 1], type: ['TypeProto', 2] },
  TypeProto: { tensorType: ['TypeProtoTensor', 1] },
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

const SCALARS: Readonly<Record<string, Type>> = { int64: Type.INT64, int32: Type.INT32, float: Type.FLOAT, string: Type.STRING, bytes: Type.BYTES };

function describe(): DescMessage {
  const messageType = Object.entries(MESSAGES).map(([name, fields]) => ({
    name,
    field: Object.entries<readonly [string, number]>(fields).map(([field, [spelled, number]]) => {
      const type = spelled.replace('[]', '');
      return {
        name: field, number, label: type === spelled ? Label.OPTIONAL : Label.REPEATED, type: SCALARS[type] ?? Type.MESSAGE,
        ...(SCALARS[type] === undefined && { typeName: `.onnx.${type}` }),
      };
    }),
  }));
  // Proto 2 writes fields that hold their default, as ONNX expects of attributes.
  const file = create(FileDescriptorProtoSchema, { name: 'onnx.proto', package: 'onnx', syntax: 'proto2', messageType });
  return createFileRegistry(file, () => undefined).getMessage('onnx.ModelProto')!;
}
let described: DescMessage | undefined;
const model = () => (described ??= describe());

/** The bytes of a model file. */
export const writeModel = (content: Onnx<'ModelProto'>): Uint8Array => toBinary(model(), create(model(), content as Record<string, unknown>));
/** The fields above of a model file, the others left out. */
export const readModel = (bytes: Uint8Array): Onnx<'ModelProto'> => fromBinary(model(), bytes) as unknown as Onnx<'ModelProto'>;
