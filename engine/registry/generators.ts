/** @file The generators of a run: the weights that its graph passes along, exported as ONNX. */
import type { Services } from '../dataflow/context.js';
import type { Outputs } from '../dataflow/events.js';
import type { Plan } from '../dataflow/plan.js';
import type { Snapshot } from '../dataflow/snapshot.js';
import { exportGenerator } from '../training/export.js';
import type { Weights } from '../training/values.js';

/** The newest weights of each training node, by node. */
export type LatestWeights = ReadonlyMap<string, Weights>;

/**
 * Follows the weights that training nodes emit; in a graph that only uses weights, those of its first node that emits some. Weights are
 * kept alive by the last wave's outputs or by a register.
 */
export function latestWeights(plan: Plan): { record(outputs: Readonly<Record<string, Outputs>>): void; of(snapshot: Snapshot): LatestWeights } {
  const emitters = plan.nodes.flatMap((node) => Object.entries(node.outputs).filter(([, type]) => /^@weights\b/.test(type)).map(([port]) => ({ node, port })));
  const training = emitters.filter(({ node }) => node.type.name.startsWith('train/'));
  const followed = training.length ? training : emitters.slice(0, 1);
  let latest: Readonly<Record<string, Outputs>> = {};
  return {
    record(outputs) { latest = outputs; },
    of: (snapshot) => new Map(followed.flatMap(({ node: { id }, port }) => {
      const weights = latest[id]?.[port] ?? snapshot.nodes[id]?.registers[port];
      return weights ? [[id, weights as Weights]] : [];
    })),
  };
}

/** Files by name: `generator.onnx` for the first, `generator-<node>.onnx` for each further one. */
export async function exportGenerators(weights: LatestWeights, services: Services): Promise<readonly { readonly name: string; readonly model: Uint8Array }[]> {
  const files: { name: string; model: Uint8Array }[] = [];
  for (const [node, value] of weights) files.push({ name: files.length ? `generator-${node}.onnx` : 'generator.onnx', model: await exportGenerator(value, services) });
  return files;
}
