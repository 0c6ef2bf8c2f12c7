/** @file What a run leaves besides its checkpoints: the networks that its graph passes along, exported as ONNX. */
import type { Services } from '../dataflow/context.js';
import type { Outputs } from '../dataflow/events.js';
import type { Plan } from '../dataflow/plan.js';
import type { Snapshot } from '../dataflow/snapshot.js';
import { exportEncoder, exportGenerator } from '../training/export.js';
import type { Clusters, Partitioner, Weights } from '../training/values.js';
import { sourceOf } from './ask.js';

/** What is exported, by the name of its opaque type and of its file. */
const EXPORTS = {
  weights: { file: 'generator', model: (value: unknown, services: Services, shares?: readonly number[]) => exportGenerator(value as Weights, services, shares) },
  partitioner: { file: 'partitioner', model: (value: unknown, services: Services) => exportEncoder(value as Partitioner, services) },
  encoder: { file: 'encoder', model: (value: unknown, services: Services) => exportEncoder(value as Partitioner, services) },
} as const;
type Kind = keyof typeof EXPORTS;

/** The newest version of each network that a training node trains; where its labels are clusters, how large each is. */
export type Results = readonly { readonly kind: Kind; readonly node: string; readonly value: unknown; readonly shares?: readonly number[] }[];

/**
 * Follows the networks that training nodes emit; in a graph that only uses weights, those of its first node that emits some. Versions are
 * kept alive by the last wave's outputs or by a register.
 */
export function latestResults(plan: Plan): { record(outputs: Readonly<Record<string, Outputs>>): void; of(snapshot: Snapshot): Results } {
  const emitters = plan.nodes.flatMap((node) => Object.entries(node.outputs).flatMap(([port, type]) => {
    const [, kind] = /^@(\w+)/.exec(type) ?? [];
    return kind !== undefined && kind in EXPORTS ? [{ node, port, kind: kind as Kind }] : [];
  }));
  const training = emitters.filter(({ node }) => node.type.name.startsWith('train/'));
  const followed = training.length ? training : emitters.filter(({ kind }) => kind === 'weights').slice(0, 1);
  let latest: Readonly<Record<string, Outputs>> = {};
  return {
    record(outputs) { latest = outputs; },
    of(snapshot) {
      const held = (id: string, port: string): unknown => latest[id]?.[port] ?? snapshot.nodes[id]?.registers[port];
      return followed.flatMap(({ node: { id }, port, kind }) => {
        const value = held(id, port), [from, output] = sourceOf(plan, id, '@clusters')?.split('.') ?? [];
        if (value === undefined) return [];
        const clusters = from === undefined ? undefined : held(from, output!) as Clusters | undefined;
        return [{ kind, node: id, value, ...(clusters && { shares: Array.from(clusters.counts.data as BigInt64Array, Number) }) }];
      });
    },
  };
}

/** Files by name: `generator.onnx` for the first of a kind, `generator-<node>.onnx` for each further one. */
export async function exportResults(results: Results, services: Services): Promise<readonly { readonly name: string; readonly model: Uint8Array }[]> {
  const files: { name: string; model: Uint8Array }[] = [], seen = new Set<Kind>();
  for (const { kind, node, value, shares } of results) {
    const { file, model } = EXPORTS[kind];
    files.push({ name: seen.has(kind) ? `${file}-${node}.onnx` : `${file}.onnx`, model: await model(value, services, shares) });
    seen.add(kind);
  }
  return files;
}
