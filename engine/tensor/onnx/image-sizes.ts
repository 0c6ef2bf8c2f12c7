/** @file Heights and widths of the images inside a model file, as far as the usual image operators tell. */
import type { Onnx } from './schema.js';

export type Size = readonly [number, number];
type Node = Onnx<'NodeProto'>;

/** Operators that give every image the size of the largest they are given. */
const ALIKE = new Set(['Relu', 'Clip', 'LeakyRelu', 'PRelu', 'Sigmoid', 'HardSigmoid', 'HardSwish', 'Elu', 'Gelu', 'Tanh', 'Identity', 'Dropout', 'BatchNormalization', 'InstanceNormalization', 'Add', 'Sub', 'Mul', 'Div', 'Sum', 'Concat', 'LRN']);
const WINDOWS = new Set(['Conv', 'MaxPool', 'AveragePool']);

export const attributeOf = ({ attribute = [] }: Node, name: string) => attribute.find((one) => one.name === name);
const text = (bytes: Uint8Array | undefined): string => (bytes ? new TextDecoder().decode(bytes) : '');
export const integers = (node: Node, name: string, otherwise: readonly number[]): readonly number[] => attributeOf(node, name)?.ints?.map(Number) ?? otherwise;
export const autoPad = (node: Node): string => text(attributeOf(node, 'auto_pad')?.s) || 'NOTSET';

/** Sizes by value name, from those of the inputs on. `kernelOf` knows a convolution's kernel by the name of its weight. */
export function imageSizes({ node = [], input = [] }: Onnx<'GraphProto'>, kernelOf: (weight: string) => Size | undefined): ReadonlyMap<string, Size> {
  const sizes = new Map<string, Size>();
  for (const { name, type } of input) {
    const dim = type?.tensorType?.shape?.dim ?? [], [h, w] = dim.slice(2).map(({ dimValue }) => Number(dimValue ?? 0));
    if (dim.length === 4 && h && w) sizes.set(name!, [h, w]);
  }
  for (const one of node) {
    const given = (one.input ?? []).map((name) => sizes.get(name)).filter((size) => size !== undefined), [output] = one.output ?? [];
    if (!output || !given.length) continue;
    if (ALIKE.has(one.opType!)) sizes.set(output, [Math.max(...given.map(([h]) => h)), Math.max(...given.map(([, w]) => w))]);
    if (!WINDOWS.has(one.opType!)) continue;
    const kernel = integers(one, 'kernel_shape', kernelOf(one.input![1] ?? '') ?? []);
    if (kernel.length === 2) sizes.set(output, [windows(one, given[0]![0], kernel[0]!, 0), windows(one, given[0]![1], kernel[1]!, 1)]);
  }
  return sizes;
}

/** How many windows fit along an axis. */
function windows(node: Node, size: number, kernel: number, axis: number): number {
  const stride = integers(node, 'strides', [1, 1])[axis]!, dilation = integers(node, 'dilations', [1, 1])[axis]!, pads = integers(node, 'pads', [0, 0, 0, 0]);
  const auto = autoPad(node), span = dilation * (kernel - 1) + 1;
  if (auto.startsWith('SAME')) return Math.ceil(size / stride);
  const room = (size + (auto === 'NOTSET' ? pads[axis]! + pads[axis + 2]! : 0) - span) / stride;
  return (attributeOf(node, 'ceil_mode')?.i ? Math.ceil(room) : Math.floor(room)) + 1;
}
