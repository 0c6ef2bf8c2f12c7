/** @file From a graph to a plan: configurations, ports, sizes, cadences and cycles are checked, and every issue is reported, never the first only. */
import { GantryError, graphError, type Issue } from '../spec/issue.js';
import { createSizes, isRest, letter, scoped, type Sizes } from '../spec/sizes.js';
import { parsePort, type Dim, type DType } from '../spec/tensor-type.js';
import { checkContext } from './actor.js';
import type { Services } from './context.js';
import { face, issuesOf, type Face } from './face.js';
import type { Graph } from './graph.js';
import type { NodeType } from './node.js';
import { cadences, order } from './order.js';
import { EVERY_WAVE, type Plan } from './plan.js';
import { wire } from './wire.js';

export interface Origin {
  /** The file that errors name. */
  readonly file?: string;
  /** Issues found while the file was read; they are reported with the others. */
  readonly issues?: readonly Issue[];
}

/** The plan of a graph. Throws a GraphError with every issue found. */
export async function compose(graph: Graph, types: ReadonlyMap<string, NodeType>, services: Services, origin: Origin = {}): Promise<Plan> {
  const { plan, issues } = await check(graph, types, services, origin);
  if (!plan) throw graphError(origin.file ?? 'the graph', issues);
  return plan;
}

/** Composes, and reports instead of throwing. There is a plan exactly when there are no issues. */
export async function check(
  graph: Graph, types: ReadonlyMap<string, NodeType>, services: Services, origin: Origin = {},
): Promise<{ readonly plan?: Plan; readonly issues: readonly Issue[] }> {
  const issues: Issue[] = [...(origin.issues ?? [])];
  const faces = new Map(Object.entries(graph.nodes).map(([id, node]) => [id, face(id, node, types, issues)]));
  const sizes = createSizes();
  for (const one of faces.values()) await learn(one, services, sizes, issues);
  const edges = wire(faces, sizes, issues);
  const wired = [...faces.values()].map((one) => ({
    ...one, edges: edges.get(one.id)!, declared: one.sound ? one.type?.cadence?.(one.config) : undefined,
  }));
  const cyclic = issues.length;
  const sorted = order(wired, issues);
  const cadence = issues.length === cyclic ? cadences(sorted, issues) : new Map<string, string>();
  if (faces.size === 0) issues.push({ at: 'nodes', says: 'the graph has no nodes' });
  if (issues.length) return { issues };

  const nodes = sorted.map(({ id, type, config, edges, outputs }) => ({
    id, type: type!, config, edges, outputs: outputs!, cadence: cadence.get(id) ?? EVERY_WAVE,
  }));
  const plan: Plan = { about: graph.about, waves: graph.waves, seed: graph.seed, prefetch: graph.prefetch, nodes, ...resolved(faces, sizes) };
  for (const node of nodes) {
    try {
      node.type.check?.(node.config, checkContext(plan, node));
    } catch (error) {
      if (!(error instanceof GantryError)) throw error;
      issues.push(...error.issues.map((issue) => ({ ...issue, at: [error.where, issue.at].filter(Boolean).join('.') })));
    }
  }
  return issues.length ? { issues } : { issues, plan };
}

/** Takes the sizes that a node's configuration fixes. */
async function learn({ id, type, config, sound }: Face, services: Services, sizes: Sizes, issues: Issue[]): Promise<void> {
  if (!sound || !type?.dims) return;
  try {
    const dims = await type.dims(config, services);
    for (const [name, size] of Object.entries(dims)) sizes.know(`${id}.${name}`, size, source(id, config, size));
  } catch (error) {
    issues.push(...issuesOf(`nodes.${id}.config`, error));
  }
}

/** Where in a configuration a size comes from: the one entry that has this value, else the whole. */
function source(id: string, config: unknown, size: number): string {
  const paths: string[] = [];
  const walk = (value: unknown, path: string) => {
    if (value === size) paths.push(path);
    else if (typeof value === 'object' && value !== null) for (const [key, inner] of Object.entries(value)) walk(inner, `${path}.${key}`);
  };
  walk(config, `${id}.config`);
  return paths.length === 1 ? paths[0]! : `${id}.config`;
}

/** What became of types and sizes. */
function resolved(faces: ReadonlyMap<string, Face>, sizes: Sizes): Pick<Plan, 'type' | 'outputType' | 'size' | 'rest'> {
  const resolve = (node: string, spelling: string | undefined): ReturnType<Plan['type']> => {
    const shape = spelling && parsePort(spelling);
    if (!shape) return spelling;
    const below = shape.below === undefined ? undefined : sizes.resolve([scoped(node, shape.below)])[0];
    const dims = sizes.resolve(shape.dims.map((dim) => scoped(node, dim))).map(letter);
    if (shape.dtype.startsWith('@')) return dims.length ? `${shape.dtype}[${dims.join(',')}]` : shape.dtype;
    return { dtype: shape.dtype as DType, dims, ...(below === undefined ? {} : { below: letter(below) }) };
  };
  const outputType: Plan['outputType'] = (node, port) => resolve(node, faces.get(node)?.outputs?.[port]);
  const type: Plan['type'] = (node, port) => resolve(node, faces.get(node)?.inputs?.find((input) => input.name === port)?.type) ?? outputType(node, port);
  const rest: Plan['rest'] = (node, name) => {
    const dims: readonly Dim[] = sizes.resolve([scoped(node, `...${name}`)]);
    return dims.every((dim): dim is number => typeof dim === 'number') && !dims.some(isRest) ? dims : undefined;
  };
  return { type, outputType, rest, size: (node, name) => sizes.size(`${node}.${name}`) };
}
