/** @file Reads graph files: JSON with a version, which may extend another file. Everything wrong with the text is found here, the rest by compose. */
import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, resolve } from 'node:path';
import { graphError, inputError, type Issue } from '../spec/issue.js';
import { parseJson } from './json-text.js';
import { checkShape, type GraphFile, type NodePatch } from './file-shape.js';
import type { Graph, GraphNode } from './graph.js';
import { applySets, put } from './sets.js';

export interface Loaded {
  readonly file: string;
  readonly graph: Graph;
  /** What is wrong with the text; `compose` reports it together with what it finds itself. */
  readonly issues: readonly Issue[];
}

/** The graph of a file, with `node.config.key=value` settings applied. Throws a GraphError with every issue. */
export async function load(file: string, sets: readonly string[] = []): Promise<Graph> {
  const { graph, issues } = await read(file, sets);
  if (issues.length) throw graphError(file, issues);
  return graph;
}

/** Like `load`, but leaves the issues to be reported with those of `compose`. Throws for a file that is absent or no JSON at all. */
export async function read(file: string, sets: readonly string[] = []): Promise<Loaded> {
  const issues: Issue[] = [];
  const graph = await readChain(file, [], issues);
  const changed = applySets(graph, sets);
  return { file, graph: changed.graph, issues: [...issues, ...changed.issues] };
}

async function readChain(file: string, chain: readonly string[], issues: Issue[]): Promise<Graph> {
  const path = resolve(file);
  const own = await readOne(file, chain, issues);
  const { extends: base, nodes, plugins, ...rest } = own;
  const local = plugins?.map((plugin) => (plugin.startsWith('.') ? resolve(dirname(path), plugin) : plugin));
  if (base === undefined) return merge({ nodes: {} }, { ...rest, nodes, plugins: local }, issues, prefix(file, chain));
  const target = isAbsolute(base) ? base : resolve(dirname(path), base);
  const whole = [...chain, path];
  if (whole.includes(target)) {
    const names = [...whole.slice(whole.indexOf(target)), target].map((name) => name.slice(name.lastIndexOf('/') + 1));
    issues.push({ at: `${prefix(file, chain)}extends`, says: `${names.join(' extends ')}: a circle` });
    return merge({ nodes: {} }, { ...rest, nodes, plugins: local }, issues, prefix(file, chain));
  }
  return merge(await readChain(target, whole, issues), { ...rest, nodes, plugins: local }, issues, prefix(file, chain));
}

/** Issues of a file that another one extends name it. */
const prefix = (file: string, chain: readonly string[]) => (chain.length ? `${file.slice(file.lastIndexOf('/') + 1)}: ` : '');

async function readOne(file: string, chain: readonly string[], issues: Issue[]): Promise<GraphFile> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const says = code === 'ENOENT' ? 'there is no such file' : code === 'EISDIR' ? 'this is a folder; a graph file is wanted' : (error as Error).message;
    const from = chain.at(-1);
    throw inputError(file, says, from ? { because: [`${from} extends it`] } : {}, { cause: error });
  }
  const parsed = parseJson(text.replace(/^\uFEFF/, ''));
  if (parsed.broken) {
    const { line, column, says } = parsed.broken;
    throw inputError(`${file}:${line}:${column}`, `this is not JSON: ${says}`);
  }
  for (const { line, column, says, path } of parsed.issues) issues.push({ at: `${prefix(file, chain)}${path.join('.')}`, says: `${says} (line ${line}, column ${column})` });
  return checkShape(parsed.value, file, prefix(file, chain), issues);
}

/** Lays a file over the one that it extends: nodes by id, everything else by key. */
function merge(base: Graph, own: GraphFile, issues: Issue[], at: string): Graph {
  const { nodes: patches = {}, plugins, extends: _, ...rest } = own;
  const nodes: Record<string, GraphNode> = { ...base.nodes };
  for (const [id, patch] of Object.entries(patches)) {
    if (patch === null) {
      if (!(id in nodes)) issues.push({ at: `${at}nodes.${id}`, says: 'null removes a node, and there is none to remove' });
      delete nodes[id];
    } else if (patch.type !== undefined) nodes[id] = patched({ type: patch.type }, patch, issues, `${at}nodes.${id}`);
    else if (nodes[id]) nodes[id] = patched(nodes[id], patch, issues, `${at}nodes.${id}`);
    else issues.push({ at: `${at}nodes.${id}.type`, says: 'missing; wants the name of a node type' });
  }
  const all = [...new Set([...(base.plugins ?? []), ...(plugins ?? [])])];
  return { ...base, ...rest, ...(all.length && { plugins: all }), nodes };
}

function patched(base: GraphNode, patch: NodePatch, issues: Issue[], at: string): GraphNode {
  return {
    ...base,
    ...(patch.version !== undefined && { version: patch.version }),
    ...(patch.config && { config: configured((base.config ?? {}) as object, patch.config, issues, `${at}.config`) }),
    ...(patch.in && { in: wired(base.in ?? {}, patch.in) }),
  };
}

/** Settings laid over settings: `key` replaces the whole of what is there, `key.inner` one of its parts. */
function configured(base: object, own: object, issues: Issue[], at: string): object {
  return Object.entries(own).reduce((config: object, [key, value]) => {
    const path = key.split('.'), changed = put(config, path, value);
    if (changed === undefined) issues.push({ at: `${at}.${key}`, says: `${path.slice(0, -1).join('.')} has no parts` });
    return (changed ?? config) as object;
  }, base);
}

/** Edges laid over edges; `null` cuts one. */
function wired(base: Readonly<Record<string, string>>, own: Readonly<Record<string, string | null>>): Record<string, string> {
  const all = Object.entries({ ...base, ...own });
  return Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== null));
}
