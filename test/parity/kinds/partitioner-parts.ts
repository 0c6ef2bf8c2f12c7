/** @file What fixtures of partitioners share: leaves under the reference's names, the guide as the published code has it, which arrays were looked at. */
import type { SessionHost, State } from '../../../engine/session/host.js';
import { tensor, type TensorValue } from '../../../engine/spec/value.js';
import { logSumExp, mean, mul, oneHot, relu, reshape, sub, sum } from '../../../engine/tensor/ops/index.js';
import type { Program } from '../../../engine/tensor/program.js';
import { sizeOf, type Layout, type Leaf } from '../../../engine/tensor/scope.js';
import type { Tensor } from '../../../engine/tensor/tensor.js';
import { comparison, type Comparison, type Tolerance } from '../comparison.js';
import type { Fixture, Group, Unchecked } from '../fixture.js';
import { permuted } from '../leaves.js';

/** A comparison that remembers which arrays it was shown. */
export interface Checked extends Comparison {
  /** An array of the fixture as a value. */
  given(key: string): TensorValue;
  /** The groups, with one that fails for arrays that nobody looked at; those that match `unused` are named as not checked. */
  finished(unused: RegExp, because: string): (Group | Unchecked)[];
}

export function checking(fixture: Fixture): Checked {
  const compare = comparison(fixture), used = new Set<string>();
  return {
    ...compare,
    array(group, key, ours, tolerance) { used.add(key); compare.array(group, key, ours, tolerance); },
    given(key) {
      const found = fixture.arrays.get(key);
      if (!found) throw new Error(`the fixture has no ${key}`);
      used.add(key);
      const { dims, data } = found;
      return data instanceof Int32Array ? tensor('i64', dims, BigInt64Array.from(data, BigInt)) : tensor('f32', dims, Float32Array.from(data as Float32Array));
    },
    finished(unused, because) {
      const rest = [...fixture.arrays.keys()].filter((key) => !used.has(key)), left = rest.filter((key) => !unused.test(key)), ignored = rest.filter((key) => unused.test(key));
      compare.exact(left.length ? `not compared: ${left.slice(0, 5).join(', ')}${left.length > 5 ? ', …' : ''}` : 'every tensor is compared', [0], [left.length]);
      const last = (key: string) => key.split('.').at(-1)!, unchecked = [...new Set(ignored.map(last))].map((name) => `${ignored.filter((key) => last(key) === name).length} *.${name}`).join(', ');
      return [...compare.groups(), ...(ignored.length ? [{ unchecked, because }] : [])];
    },
  };
}

const isKernel = ({ dims, path }: Leaf) => dims.length === 4 && path.endsWith('.weight');
/** A list of leaves as one vector. Our kernels are channels last. */
export function flatOf(leaves: readonly Leaf[], arrayOf: (leaf: Leaf) => ArrayLike<number>): TensorValue {
  const flat = new Float32Array(sizeOf(leaves));
  let offset = 0;
  for (const leaf of leaves) {
    const values = arrayOf(leaf), [out, height, width, channels] = leaf.dims as readonly [number, number, number, number];
    flat.set(isKernel(leaf) ? permuted(values, [out, channels, height, width], [0, 2, 3, 1]) : values, offset);
    offset += sizeOf([leaf]);
  }
  return tensor('f32', [flat.length], flat);
}

/** Compares a vector with the fixture's arrays, leaf by leaf; leaves without a key are passed over. */
export function compareLeaves(compare: Comparison, group: string, layout: Layout, kind: keyof Layout, vector: TensorValue, keyOf: (leaf: Leaf) => string | undefined, tolerance: Tolerance): void {
  let offset = 0;
  for (const leaf of layout[kind]) {
    const end = offset + sizeOf([leaf]), key = keyOf(leaf), values = (vector.data as Float32Array).subarray(offset, end);
    if (key) compare.array(group, key, isKernel(leaf) ? permuted(values, leaf.dims, [0, 3, 1, 2]) : values, tolerance);
    offset = end;
  }
}

/** The guide as the published code has it, the mean over all classes of what exceeds the wanted one's logit. Logits f32[N,k], labels i64[N], to f32[N]. */
export const guideOf = (logit: Tensor, label: Tensor): Tensor => mean(relu(sub(logit, picked(logit, label))), 1);
const picked = (logit: Tensor, label: Tensor) => sum(mul(logit, oneHot(label, logit.dims[1] as number)), 1, true);
/** The guide towards every class, f32[N,k]. */
export const guidesOf = (logit: Tensor): Tensor => {
  const [count, k] = logit.dims;
  return mean(relu(sub(reshape(logit, [count!, 1, k!]), reshape(logit, [count!, k!, 1]))), 2);
};
/** Mean of -log of the softmax at the label. */
export const crossEntropy = (logit: Tensor, label: Tensor): Tensor => mean(sub(logSumExp(logit, 1, true), picked(logit, label)));

export async function runOnce(host: SessionHost, traced: Program, state: Readonly<Record<string, TensorValue>>, feeds: Readonly<Record<string, TensorValue>>) {
  const executable = await host.compile(traced), held: State = Object.fromEntries(await Promise.all(Object.entries(state).map(async ([key, value]) => [key, await host.put(value)] as const)));
  try { return (await executable.run(held, feeds)).outputs as Readonly<Record<string, TensorValue>>; } finally { await executable.release(); }
}
