/** @file The float64 interpreter: what programs mean, the constant folder and every device's oracle. */
import type { Dim } from '../spec/tensor-type.js';
import type { NdArray } from './op.js';
import { count } from './array.js';
import { topological, type Tensor } from './tensor.js';

/** Anything with sizes and elements: an `NdArray`, or a tensor value. */
export interface Feed { readonly dims: readonly number[]; readonly data: ArrayLike<number | bigint> }

/**
 * The values of `roots` from those of the inputs, by name. Symbols take their sizes from the feeds.
 * Throws a TypeError when an input is missing or its sizes disagree.
 */
export function evaluate(roots: readonly Tensor[], feeds: Readonly<Record<string, Feed>> = {}): NdArray[] {
  const order = topological(roots), values = new Map<Tensor, NdArray>(), sizes = new Map<string, number>();
  for (const { op, outputs, attrs } of order) {
    if (op.name !== 'input') continue;
    const name = attrs.name as string, feed = feeds[name];
    if (!feed) throw new TypeError(`input ${name} has no value`);
    bind(name, outputs[0]!.dims, feed.dims, sizes);
    values.set(outputs[0]!, { dims: feed.dims, data: Float64Array.from(feed.data, Number) });
  }
  const size = (d: Dim) => (typeof d === 'number' ? d : sizes.get(d) ?? NaN);
  for (const { op, inputs, outputs, attrs } of order) {
    if (op.name === 'input') continue;
    const dims = outputs.map((t) => t.dims.map(size));
    const results = op.eval(inputs.map((t) => values.get(t)!), attrs, dims);
    outputs.forEach((t, i) => {
      const data = results[i]!;
      if (data.length !== count(dims[i]!)) throw new Error(`${op.name} gave ${data.length} elements for ${t}`);
      values.set(t, { dims: dims[i]!, data });
    });
  }
  return roots.map((root) => values.get(root)!);
}

function bind(name: string, wanted: readonly Dim[], got: readonly number[], sizes: Map<string, number>): void {
  const agrees = wanted.length === got.length && wanted.every((d, i) => {
    if (typeof d === 'number') return d === got[i];
    if (!sizes.has(d)) sizes.set(d, got[i]!);
    return sizes.get(d) === got[i];
  });
  if (!agrees) throw new TypeError(`input ${name} is [${got}]; the program wants [${wanted.map((d) => (typeof d === 'string' ? `${d}${sizes.has(d) ? `=${sizes.get(d)}` : ''}` : d))}]`);
}
