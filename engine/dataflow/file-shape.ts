/** @file The shape of a graph file, checked key by key; what does not belong is an issue and is left out of what goes on. */
import { graphError, type Issue } from '../spec/issue.js';
import { list, near } from '../spec/near.js';
import { FORMAT } from './graph.js';

/** One node of a file. Without a `type` it changes a node of the file that this one extends. */
export interface NodePatch {
  readonly type?: string;
  readonly version?: number;
  readonly config?: Readonly<Record<string, unknown>>;
  /** `null` cuts an edge of the file that this one extends. */
  readonly in?: Readonly<Record<string, string | null>>;
}

export interface GraphFile {
  readonly $schema?: string;
  readonly gantry?: number;
  readonly about?: string;
  readonly plugins?: readonly string[];
  /** Another graph file, by its path from this one. */
  readonly extends?: string;
  readonly waves?: number;
  readonly seed?: number;
  readonly prefetch?: number;
  /** `null` removes a node of the file that this one extends. */
  readonly nodes?: Readonly<Record<string, NodePatch | null>>;
}

type Test = (value: unknown) => boolean;
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const text: [string, Test] = ['a text', (value) => typeof value === 'string'];
const count = (least: number): [string, Test] => [`an integer of at least ${least}`, (value) => Number.isSafeInteger(value) && (value as number) >= least];
const object: [string, Test] = ['an object', isObject];

/** What each key of a file wants. */
export const FILE_KEYS: Readonly<Record<keyof GraphFile, [string, Test]>> = {
  $schema: text, gantry: count(1), about: text, extends: text, waves: count(1), seed: count(0), prefetch: count(1), nodes: object,
  plugins: ['a list of names', (value) => Array.isArray(value) && value.every((name) => typeof name === 'string')],
};
/** What each key of a node wants. */
export const NODE_KEYS: Readonly<Record<keyof NodePatch, [string, Test]>> = { type: text, version: count(1), config: object, in: object };

/** Names of nodes: `node.output` is cut at its first dot. */
export const ID = /^[A-Za-z_][\w-]*$/;

/** Reads the value of a graph file. A file of a newer format throws at once: nothing more can be said of it. */
export function checkShape(value: unknown, file: string, prefix: string, issues: Issue[]): GraphFile {
  if (!isObject(value)) throw graphError(file, [{ at: `${prefix}the file`, says: 'a graph is an object with the key "nodes"' }]);
  const version = value.gantry;
  if (typeof version === 'number' && version > FORMAT) {
    throw graphError(file, [{ at: `${prefix}gantry`, says: `the file is of format ${version}; this program reads formats up to ${FORMAT}`, try: 'a newer gantry' }]);
  }
  if (version === undefined) issues.push({ at: `${prefix}gantry`, says: `missing; wants the version of the file format, ${FORMAT}` });
  const known = pick(value, FILE_KEYS, prefix, issues) as GraphFile;
  if (known.nodes === undefined) {
    if (value.nodes === undefined && known.extends === undefined) issues.push({ at: `${prefix}nodes`, says: 'missing; wants the nodes by their names' });
    return known;
  }
  const nodes: Record<string, NodePatch | null> = {};
  for (const [id, node] of Object.entries<unknown>(known.nodes)) {
    const at = `${prefix}nodes.${id}`;
    if (!ID.test(id)) issues.push({ at, says: 'a node is named by a letter, then letters, digits, "-" and "_"' });
    if (node === null) nodes[id] = null;
    else if (!isObject(node)) issues.push({ at, says: `is ${JSON.stringify(node)}; wants a node { type, config, in }` });
    else nodes[id] = checkNode(node, at, issues);
  }
  return { ...known, nodes };
}

function checkNode(node: Record<string, unknown>, at: string, issues: Issue[]): NodePatch {
  const known = pick(node, NODE_KEYS, `${at}.`, issues) as NodePatch;
  if (!known.in) return known;
  const edges: Record<string, string | null> = {};
  for (const [port, reference] of Object.entries<unknown>(known.in)) {
    if (typeof reference === 'string' || reference === null) edges[port] = reference;
    else issues.push({ at: `${at}.in.${port}`, says: `is ${JSON.stringify(reference)}; wants "node.output"` });
  }
  return { ...known, in: edges };
}

/** The keys that belong and are of their kind. */
function pick(value: Record<string, unknown>, keys: Readonly<Record<string, [string, Test]>>, prefix: string, issues: Issue[]): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [key, given] of Object.entries(value)) {
    const rule = Object.hasOwn(keys, key) ? keys[key] : undefined;
    if (!rule) {
      const meant = near(key, Object.keys(keys));
      issues.push({ at: `${prefix}${key}`, says: `there is no such key; there are ${list(Object.keys(keys))}`, ...(meant && { try: meant }) });
    } else if (!rule[1](given)) issues.push({ at: `${prefix}${key}`, says: `is ${JSON.stringify(given)}; wants ${rule[0]}` });
    else kept[key] = given;
  }
  return kept;
}
