/** @file Leaf by leaf between our flat vectors and the published names, and the modules' outputs inside a traced network. */
import type { SessionHost, State } from '../../../engine/session/host.js';
import { tensor, type Resident } from '../../../engine/spec/value.js';
import { slice } from '../../../engine/tensor/ops/index.js';
import { sizeOf, type Layout } from '../../../engine/tensor/scope.js';
import { topological, type Tensor } from '../../../engine/tensor/tensor.js';
import type { NetworkName } from '../../../engine/training/method.js';
import type { NetworkPair } from '../../../engine/training/networks.js';
import { trainingState, type StepPlan } from '../../../engine/training/step.js';
import type { Fixture } from '../fixture.js';
import { LETTER, ours, published, theirs } from './biggan-published.js';

/** The first version of a plan's state: leaves from the fixture (`read` gives an array by key), averages as copies, moments zero. */
export async function firstState(plan: StepPlan, host: SessionHost, read: (key: string) => Float32Array): Promise<State> {
  const flat = (network: NetworkName, kind: keyof Layout): Float32Array => {
    const leaves = plan.pair[network].layout[kind], data = new Float32Array(sizeOf(leaves));
    let offset = 0;
    for (const { path, dims } of leaves) {
      const values = ours(read(`init/${LETTER[network]}/${published(network, path)}`), dims);
      data.set(values, offset);
      offset += values.length;
    }
    return data;
  };
  const averaged: Readonly<Record<string, keyof Layout>> = { average: 'parameters', 'average-buffers': 'buffers' };
  const state: Record<string, Resident> = {};
  for (const [key, { dims }] of Object.entries(trainingState(plan))) {
    const [network, part] = key.split('/') as [NetworkName, string], kind = averaged[part] ?? part;
    state[key] = await host.put(tensor('f32', dims as number[], kind === 'parameters' || kind === 'buffers' ? flat(network, kind) : new Float32Array(dims[0] as number)));
  }
  return state;
}

/** Visits the leaves of a flat vector by their published names, in their published order. */
export async function eachLeaf(host: SessionHost, layout: Layout, kind: keyof Layout, network: NetworkName, vector: Resident, visit: (name: string, values: Float32Array) => void): Promise<void> {
  const data = (await host.get(vector)).data as Float32Array;
  let offset = 0;
  for (const { path, dims } of layout[kind]) {
    const end = offset + sizeOf([{ path, dims, init: () => data }]);
    visit(published(network, path), theirs(data.subarray(offset, end), dims));
    offset = end;
  }
}

/** Networks whose calls in training are kept. `take` gives the outputs of calls since the last time, by the fixture's keys, with the modules' of each network's first. */
export function recorded(pair: NetworkPair, { arrays }: Fixture): { readonly pair: NetworkPair; take(): Record<string, Tensor> } {
  const counts = { generator: 0, discriminator: 0 };
  let taken: Record<string, Tensor> = {};
  const keep = <T>(network: NetworkName, result: T, output: Tensor): T => {
    const letter = LETTER[network], index = counts[network]++;
    taken[`out/train/${letter}_call${index}`] = output;
    if (index === 0) for (const [module, t] of modules(network, output)) if (arrays.has(`trace/${letter}/${module}`)) taken[`trace/${letter}/${module}`] = slice(t, 0, 0, 1);
    return result;
  };
  return {
    pair: {
      ...pair,
      generator: { ...pair.generator, apply: (s, z, condition) => { const y = pair.generator.apply(s, z, condition); return keep('generator', y, y); } },
      discriminator: { ...pair.discriminator, apply: (s, x, condition) => { const y = pair.discriminator.apply(s, x, condition); return keep('discriminator', y, y.logit); } },
    },
    take() {
      const now = taken;
      taken = {};
      return now;
    },
  };
}

/** What the named parts of a network hand on, by published names: the sum (an embedding's rows) made in each that something outside of it reads. */
function modules(network: NetworkName, output: Tensor): Map<string, Tensor> {
  const found = new Map<string, Tensor>();
  for (const { inputs, where } of topological([output])) {
    for (const t of inputs) {
      const { op, where: made } = t.equation, places = made.split(', '), part = places.at(-1)!;
      const named = places.includes(network) && /^(block|attention)\d+$|^(seed|score|label|vector)$/.test(part);
      if (named && made !== where && ['add', 'gather'].includes(op.name)) found.set(published(network, part), t);
    }
  }
  return found;
}

