/** @file Settings from the command line laid over a graph: `data.config.batch=64`, `train.in.label=random.label`, `waves=200`. */
import type { Issue } from '../spec/issue.js';
import { list, near } from '../spec/near.js';
import { FILE_KEYS, NODE_KEYS } from './file-shape.js';
import type { Graph, GraphNode } from './graph.js';

type Plain = Record<string, unknown>;
const SETTABLE = Object.keys(FILE_KEYS).filter((key) => !['$schema', 'gantry', 'extends', 'nodes'].includes(key));

/** The graph with the settings applied in order. Values are JSON where they can be, else texts. A setting that is wrong is an issue and is left out. */
export function applySets(graph: Graph, sets: readonly string[]): { readonly graph: Graph; readonly issues: readonly Issue[] } {
  const issues: Issue[] = [];
  let changed = graph;
  for (const set of sets) changed = applySet(changed, set, issues);
  return { graph: changed, issues };
}

function applySet(graph: Graph, set: string, issues: Issue[]): Graph {
  const at = `--set ${set}`;
  const equals = set.indexOf('=');
  const path = set.slice(0, equals).split('.'), [first, key, ...rest] = path;
  const value = jsonOrText(set.slice(equals + 1));
  const wrong = (says: string, remedy?: string) => {
    issues.push({ at, says, ...(remedy && { try: remedy }) });
    return graph;
  };
  if (equals < 1 || first === undefined || path.some((part) => part === '')) return wrong('a setting is written node.config.key=value, or key=value for the graph itself');
  if (key === undefined) {
    const rule = SETTABLE.includes(first) ? FILE_KEYS[first as keyof typeof FILE_KEYS] : undefined;
    if (!rule) return wrong(`there is no key "${first}" of the graph to set; there are ${list(SETTABLE)}`, near(first, SETTABLE));
    if (!rule[1](value)) return wrong(`${first} wants ${rule[0]}`);
    return { ...graph, [first]: value };
  }
  const node = graph.nodes[first];
  if (!node) return wrong(`there is no node "${first}"; there are ${list(Object.keys(graph.nodes))}`, near(first, Object.keys(graph.nodes)));
  if (!Object.hasOwn(NODE_KEYS, key)) return wrong(`a node has no "${key}"; it has ${list(Object.keys(NODE_KEYS))}`, near(key, Object.keys(NODE_KEYS)) ?? `${first}.config.${path.slice(1).join('.')}`);
  if (key === 'in' && (rest.length !== 1 || typeof value !== 'string')) return wrong(`an edge is set by ${first}.in.port=node.output`);
  if (rest.length === 0) {
    const [wanted, test] = NODE_KEYS[key as keyof typeof NODE_KEYS];
    return test(value) ? replace(graph, first, { ...node, [key]: value }) : wrong(`${key} wants ${wanted}`);
  }
  if (key !== 'in' && key !== 'config') return wrong(`${key} has no parts`);
  const inner = put(node[key] ?? {}, rest, value);
  return inner === undefined ? wrong(`${first}.${key}.${rest.slice(0, -1).join('.')} has no parts`) : replace(graph, first, { ...node, [key]: inner } as GraphNode);
}

const replace = (graph: Graph, id: string, node: GraphNode): Graph => ({ ...graph, nodes: { ...graph.nodes, [id]: node } });

const jsonOrText = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};

/** A copy with `value` at the path; objects on the way are made, entries of lists are replaced by their number. Undefined where something on the way has no parts. */
export function put(into: unknown, [key, ...rest]: readonly string[], value: unknown): unknown {
  if (key === undefined) return value;
  if (Array.isArray(into)) {
    const index = Number(key);
    if (!Number.isInteger(index) || index < 0 || index > into.length) return undefined;
    const inner = put(into[index] ?? {}, rest, value);
    return inner === undefined ? undefined : [...into.slice(0, index), inner, ...into.slice(index + 1)];
  }
  if (typeof into !== 'object' || into === null) return undefined;
  const inner = put((into as Plain)[key] ?? {}, rest, value);
  return inner === undefined ? undefined : { ...into, [key]: inner };
}
