/**
 * @file 3 x 3 convolutions of a model file with a ninth to a half of their products: minimal filtering (`minimal-filtering`) in operators that every runtime has.
 * Tiles are not cut out: along each axis one matrix, zeros included, takes an image of channels-last rows to all of its transformed tiles, and one takes them back. That makes both
 * transforms plain matrix products, cheap against the products over channels that they save.
 */
import { DATA_TYPE } from './data-type.js';
import { autoPad, attributeOf, imageSizes, integers, type Size } from './image-sizes.js';
import { filtered, G, PLACES, RESULTS } from '../minimal-filtering.js';
import { readModel, replaceNodes, ATTRIBUTE, type Onnx } from './schema.js';

type Node = Onnx<'NodeProto'>;

/** The filter along an axis, its matrices as they stand in the file. */
function axis(size: number): { readonly tiles: number; readonly there: Float32Array; readonly back: Float32Array } {
  const { tiles, there, back } = filtered(size);
  return { tiles, there: Float32Array.from(there.flat()), back: Float32Array.from(back.flat()) };
}

/** Kernels [K,C,3,3] at every place of a transformed tile, [36,C,K], each output times `scale`. */
function kernels(weights: Float32Array, K: number, C: number, scale: Float32Array | undefined): Float32Array {
  const out = new Float32Array(PLACES * PLACES * C * K), half = new Float64Array(PLACES * 3);
  for (let k = 0; k < K; k++) for (let c = 0; c < C; c++) {
    const g = (k * C + c) * 9;
    for (let i = 0; i < PLACES; i++) for (let b = 0; b < 3; b++) half[i * 3 + b] = G[i]![0]! * weights[g + b]! + G[i]![1]! * weights[g + 3 + b]! + G[i]![2]! * weights[g + 6 + b]!;
    for (let i = 0; i < PLACES; i++) for (let j = 0; j < PLACES; j++) {
      const u = half[i * 3]! * G[j]![0]! + half[i * 3 + 1]! * G[j]![1]! + half[i * 3 + 2]! * G[j]![2]!;
      out[((i * PLACES + j) * C + c) * K + k] = u * (scale?.[k] ?? 1);
    }
  }
  return out;
}

/** Products in all, against those of direct sums: transforms only pay where there are many channels. */
function share([h, w]: Size, C: number, K: number): number {
  const [y, x] = [PLACES * Math.ceil(h / RESULTS), PLACES * Math.ceil(w / RESULTS)];
  return (y * x * C * K + (C + K) * (y * h * w + y * w * x)) / (9 * h * w * C * K);
}
const WORTHWHILE = 0.5;

/** What becomes of a convolution and of the nodes that are joined to it, by their numbers. */
interface Replacement { readonly at: number; readonly joined: readonly number[]; readonly nodes: readonly Node[] }

/** The file with its 3 x 3 convolutions of stride 1 computed so where it pays; `undefined` where none is. Batch normalisation, bias and ReLU right behind are joined to them. */
export function fewerProducts(bytes: Uint8Array): Uint8Array | undefined {
  const { graph, irVersion = 0n } = readModel(bytes);
  const { node = [], initializer = [], input = [], output = [] } = graph ?? {};
  // Before version 4 every initialiser had to be an input; weights beside the file are found from the file only.
  if (!graph || irVersion < 4n || initializer.some(({ externalData }) => externalData?.length)) return undefined;
  const constants = new Map(initializer.map((tensor) => [tensor.name!, tensor]));
  // A reshaped constant is one, too: exporters give a bias its place among the channels so.
  for (const { input: [from, to] = [], output: [name] = [] } of node.filter(({ opType }) => opType === 'Reshape')) {
    const tensor = constants.get(from ?? ''), wanted = constants.get(to ?? '')?.rawData;
    const dims = wanted && Array.from(new BigInt64Array(new Uint8Array(wanted).buffer));
    if (tensor && dims?.length && dims.every((d) => d > 0n)) constants.set(name!, { ...tensor, dims });
  }
  const dimsOf = (name: string | undefined) => constants.get(name ?? '')?.dims?.map(Number) ?? [];
  const floats = (name: string | undefined): Float32Array | undefined => {
    const { rawData, dataType } = constants.get(name ?? '') ?? {};
    return rawData?.length && dataType === DATA_TYPE.f32 ? new Float32Array(new Uint8Array(rawData).buffer) : undefined;
  };
  const sizes = imageSizes(graph, (weight) => { const [, , h, w] = dimsOf(weight); return h && w ? [h, w] : undefined; });
  const readers = new Map<string, number[]>(), added: Onnx<'TensorProto'>[] = [], made = new Set<string>(), valueInfo: Onnx<'ValueInfoProto'>[] = [];
  const [batch] = input.find(({ name }) => sizes.has(name!))?.type?.tensorType?.shape?.dim ?? [];
  for (const [i, { input = [] }] of node.entries()) for (const name of input) readers.set(name, [...(readers.get(name) ?? []), i]);
  for (const { name } of output) readers.set(name!, [...(readers.get(name!) ?? []), -1]);
  const keep = (name: string, dims: readonly number[], data: Float32Array | BigInt64Array): string => {
    if (!made.has(name)) added.push({ name, dims: dims.map(BigInt), dataType: data instanceof Float32Array ? DATA_TYPE.f32 : DATA_TYPE.i64, rawData: new Uint8Array(data.buffer) });
    made.add(name);
    return name;
  };

  function replacement(at: number): Replacement | undefined {
    const conv = node[at]!, [x, weight, bias] = conv.input ?? [], [K = 0, C = 0, ...kernel] = dimsOf(weight), size = sizes.get(x ?? '');
    const ones = (name: string, count: number) => integers(conv, name, Array<number>(count).fill(1)).every((v) => v === 1);
    const padded = autoPad(conv).startsWith('SAME') || (autoPad(conv) === 'NOTSET' && integers(conv, 'pads', [0]).every((v) => v === 1));
    const plain = conv.opType === 'Conv' && `${kernel}` === '3,3' && ones('strides', 2) && ones('dilations', 2) && padded && Number(attributeOf(conv, 'group')?.i ?? 1) === 1;
    const weights = plain && size && share(size, C, K) <= WORTHWHILE ? floats(weight) : undefined;
    if (!weights || !size || (bias && !floats(bias))) return undefined;

    const joined: number[] = [];
    let result = conv.output![0]!, scale: Float32Array | undefined, offset = bias ? floats(bias)! : new Float32Array(K), rectified = false;
    const next = (): { readonly index: number; readonly one: Node } | undefined => {
      const [index, ...more] = readers.get(result) ?? [];
      return index === undefined || index < 0 || more.length ? undefined : { index, one: node[index]! };
    };
    const join = (index: number) => {
      joined.push(index);
      result = node[index]!.output![0]!;
    };
    for (let following = next(); following && !rectified; following = next()) {
      const { index, one } = following, [gain, shift, mean, variance] = (one.input ?? []).slice(1).map(floats);
      const constant = (one.input ?? []).find((name) => name !== result), values = floats(constant);
      if (one.opType === 'BatchNormalization' && gain && shift && mean && variance && one.output?.length === 1) {
        const factor = gain.map((g, k) => g / Math.sqrt(variance[k]! + (attributeOf(one, 'epsilon')?.f ?? 1e-5)));
        scale = factor.map((f, k) => f * (scale?.[k] ?? 1));
        offset = offset.map((o, k) => (o - mean[k]!) * factor[k]! + shift[k]!);
      } else if (one.opType === 'Add' && values?.length === K && /^(1,)?\d+,1,1$/.test(`${dimsOf(constant)}`)) offset = offset.map((o, k) => o + values[k]!);
      else if (one.opType === 'Relu') rectified = true;
      else break;
      join(index);
    }

    const [h, w] = size, rows = axis(h), columns = axis(w), y = PLACES * rows.tiles, z = PLACES * columns.tiles, own = `${conv.name || result} %`;
    const matrix = (name: string, m: number, n: number, data: Float32Array) => keep(`%fewer ${name} ${m} ${n}`, [m, n], data);
    const shape = (...dims: number[]) => keep(`%fewer shape ${dims}`, [dims.length], BigInt64Array.from(dims, BigInt));
    const nodes: Node[] = [];
    const emit = (opType: string, input: readonly string[], perm?: readonly number[], name = `${own}${nodes.length}`): string => {
      nodes.push({ opType, name: `${own}${nodes.length}`, input, output: [name], ...(perm && { attribute: [{ name: 'perm', type: ATTRIBUTE.ints, ints: perm.map(BigInt) }] }) });
      return name;
    };
    const reshaped = (from: string, ...dims: number[]) => emit('Reshape', [from, shape(...dims)]);
    let t = reshaped(emit('Transpose', [x!], [0, 2, 3, 1]), -1, h, w * C);
    t = reshaped(emit('MatMul', [matrix('rows', y, h, rows.there), t]), -1, w, C);
    t = reshaped(emit('MatMul', [matrix('columns', z, w, columns.there), t]), -1, PLACES, rows.tiles, PLACES, columns.tiles, C);
    t = reshaped(emit('Transpose', [t], [1, 3, 0, 2, 4, 5]), PLACES * PLACES, -1, C);
    t = emit('MatMul', [t, keep(`${own}weight`, [PLACES * PLACES, C, K], kernels(weights, K, C, scale))]);
    t = emit('Transpose', [reshaped(t, PLACES, PLACES, -1, rows.tiles, columns.tiles, K)], [2, 0, 3, 1, 4, 5]);
    t = emit('MatMul', [matrix('columns back', w, z, columns.back), reshaped(t, -1, z, K)]);
    t = emit('MatMul', [matrix('rows back', h, y, rows.back), reshaped(t, -1, y, w * K)]);
    // On whole rows, so that a reshape parts them from the transposition: ONNX Runtime would pull that before them, and not join it to what a convolution behind does to its input.
    if (offset.some((v) => v !== 0)) t = emit('Add', [t, keep(`${own}bias`, [w * K], Float32Array.from({ length: w * K }, (_, i) => offset[i % K]!))]);
    emit('Transpose', [reshaped(rectified ? emit('Relu', [t]) : t, -1, h, w, K)], [0, 3, 1, 2], result);
    // Reshaping loses the batch's symbol; with it, sums with what did not come this way are part of a convolution again.
    if (batch) valueInfo.push({ name: result, type: { tensorType: { elemType: DATA_TYPE.f32, shape: { dim: [batch, ...[K, h, w].map((size) => ({ dimValue: BigInt(size) }))] } } } });
    return { at, joined, nodes };
  }

  const replaced = new Map<number, readonly Node[]>();
  for (const at of node.keys()) {
    const found = replacement(at);
    for (const index of found?.joined ?? []) replaced.set(index, []);
    if (found) replaced.set(at, found.nodes);
  }
  return replaced.size ? replaceNodes(bytes, replaced, { initializer: added, valueInfo }) : undefined;
}
