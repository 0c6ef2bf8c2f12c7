/** @file The layers of BigGAN by themselves: spectral norm around convolutions, products and tables, self-attention, conditional batch norm. */
import type { SessionHost, State } from '../../../../engine/session/host.js';
import { tensor, type TensorValue } from '../../../../engine/spec/value.js';
import { selfAttention } from '../../../../engine/tensor/attention.js';
import { grad } from '../../../../engine/tensor/grad.js';
import { conditionalBatchNorm, conv, embedding, linear } from '../../../../engine/tensor/layers.js';
import { input, mul, sum } from '../../../../engine/tensor/ops/index.js';
import { program } from '../../../../engine/tensor/program.js';
import { bind, layoutOf, sizeOf, type BoundNetwork, type Layout, type Scope } from '../../../../engine/tensor/scope.js';
import { spectralNorm } from '../../../../engine/tensor/spectral.js';
import type { Tensor } from '../../../../engine/tensor/tensor.js';
import { relativeTolerances } from '../../comparison.js';
import type { Fixture } from '../../fixture.js';
import { ours, PARTS, theirs } from '../biggan-published.js';
import type { UnitChecker } from '../units.js';

type Tensors = Readonly<Record<string, Tensor>>;
type Feeds = Readonly<Record<string, TensorValue>>;
type Layer = (s: Scope, inputs: Tensors) => Tensor;
const normalised = (s: Scope, stored: Tensor) => spectralNorm(s, stored, { epsilon: 1e-6 });
const weight = { weight: normalised };

/** An input of a case; labels are i64. */
function given({ arrays }: Fixture, key: string): TensorValue {
  const { dims, data } = arrays.get(key)!;
  return data instanceof Int32Array ? tensor('i64', dims, BigInt64Array.from(data, BigInt)) : tensor('f32', dims, Float32Array.from(data as Float32Array));
}

const leafName = (path: string) => path.split('.').map((part) => PARTS[part] ?? part).join('.');

/** Runs a layer whose first leaves are the fixture's at `init`; `body` says what to look at. Leaves that the fixture leaves out are as they are at creation. */
async function run(fixture: Fixture, host: SessionHost, init: string, layer: Layer, feeds: Feeds, body: (net: BoundNetwork, inputs: Tensors) => Tensors): Promise<{ layout: Layout; outputs: Feeds }> {
  const shapes = Object.fromEntries(Object.entries(feeds).map(([name, { dtype, dims }]) => [name, { dtype, dims }]));
  const layout = layoutOf((s) => layer(s, Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, input(name, shape)]))));
  const state: State = {}, states: Record<string, { dtype: 'f32'; dims: number[] }> = {};
  for (const kind of ['parameters', 'buffers'] as const) {
    const flat = new Float32Array(sizeOf(layout[kind]));
    let offset = 0;
    for (const leaf of layout[kind]) {
      const found = fixture.arrays.get(`${init}/${leafName(leaf.path)}`)?.data as Float32Array | undefined;
      const one = { uniform: (count: number) => new Float32Array(count).fill(1), normal: (count: number) => new Float32Array(count).fill(1) };
      const values = found ? ours(found, leaf.dims) : leaf.init(leaf.dims, one);
      flat.set(values, offset);
      offset += values.length;
    }
    if (!flat.length) continue;
    Object.assign(state, { [kind]: await host.put(tensor('f32', [flat.length], flat)) });
    states[kind] = { dtype: 'f32', dims: [flat.length] };
  }
  const executable = await host.compile(program('layer', states, shapes, (symbols, inputs: Tensors) => ({ outputs: body(bind('layer', layout, (symbols as Tensors).parameters!, (symbols as Tensors).buffers), inputs) })));
  try { return { layout, outputs: (await executable.run(state, feeds)).outputs as Feeds }; } finally { await executable.release(); }
}

/** Compares the pieces of a flat vector with the fixture's arrays at `prefix` that there are. */
function compareLeaves({ arrays }: Fixture, layout: Layout, kind: keyof Layout, vector: TensorValue, compare: (key: string, values: Float32Array) => void, keyOf: (leaf: string) => string): void {
  let offset = 0;
  for (const { path, dims, init } of layout[kind]) {
    const end = offset + sizeOf([{ path, dims, init }]), key = keyOf(leafName(path));
    if (arrays.has(key)) compare(key, theirs((vector.data as Float32Array).subarray(offset, end), dims));
    offset = end;
  }
}

const LAYERS: Readonly<Record<string, (out: readonly number[]) => Layer>> = {
  conv: ([, out]) => (s, { x }) => conv(s, x!, out!, { kernel: 3, padding: 1, ...weight }),
  linear: ([, out]) => (s, { x }) => linear(s, x!, out!, weight),
  embed: (table) => (s, { x }) => embedding(s, x!, table[0]!, table[1]!, weight),
};

export const spectral: UnitChecker = {
  prefix: 'sn/',
  async check(fixture, compare, host) {
    const { output, gradient, buffer } = relativeTolerances(fixture);
    for (const [name, layerOf] of Object.entries(LAYERS)) {
      const key = `sn/${name}`, { arrays } = fixture;
      if (!arrays.has(`${key}/in`)) continue;
      const layer = layerOf(arrays.get(name === 'embed' ? `${key}/init/weight` : `${key}/out_train`)!.dims);
      const { layout, outputs } = await run(fixture, host, `${key}/init`, layer, { x: given(fixture, `${key}/in`), cotangent: given(fixture, `${key}/cotangent`) }, (net, inputs) => {
        const out_eval = layer(net.scope(false), inputs), out_train = layer(net.scope(true), inputs), after = net.buffers!;
        return { out_eval, out_train, after, out_train2: layer(net.scope(true), inputs), gradient: grad(sum(mul(out_train, inputs.cotangent!)), [net.parameters])[0]! };
      });
      for (const out of ['out_eval', 'out_train', 'out_train2']) compare.array(key, `${key}/${out}`, outputs[out]!.data as Float32Array, output);
      compareLeaves(fixture, layout, 'parameters', outputs.gradient!, (at, values) => compare.array(`${key} gradient`, at, values, gradient), (leaf) => `${key}/grad_${leaf}`);
      compareLeaves(fixture, layout, 'buffers', outputs.after!, (at, values) => compare.array(`${key} buffers`, at, values, buffer), (leaf) => `${key}/after/${leaf}`);
    }
  },
};

export const attention: UnitChecker = {
  prefix: 'attention/',
  async check(fixture, compare, host) {
    const layer: Layer = (s, { x }) => selfAttention(s, x!, weight);
    const { outputs } = await run(fixture, host, 'attention/init', layer, { x: given(fixture, 'attention/in') }, (net, inputs) => ({ out: layer(net.scope(false), inputs) }));
    compare.array('attention', 'attention/out_eval', outputs.out!.data as Float32Array, relativeTolerances(fixture).output);
  },
};

export const conditionalNorm: UnitChecker = {
  prefix: 'ccbn/',
  async check(fixture, compare, host) {
    const { output, buffer } = relativeTolerances(fixture), layer: Layer = (s, { x, y }) => conditionalBatchNorm(s, x!, y!);
    const { layout, outputs } = await run(fixture, host, 'ccbn/init', layer, { x: given(fixture, 'ccbn/x'), y: given(fixture, 'ccbn/y') }, (net, inputs) => {
      const out_train = layer(net.scope(true), inputs);
      return { out_train, after: net.buffers!, out_eval: layer(net.scope(false), inputs) };
    });
    for (const out of ['out_train', 'out_eval']) compare.array('ccbn', `ccbn/${out}`, outputs[out]!.data as Float32Array, output);
    compareLeaves(fixture, layout, 'buffers', outputs.after!, (at, values) => compare.array('ccbn buffers', at, values, buffer), (leaf) => `ccbn/after/${leaf}`);
  },
};
