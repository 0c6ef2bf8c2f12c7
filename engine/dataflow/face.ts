/** @file The face of a node in a graph: its type found by name, its configuration parsed, its ports. What is wrong with it alone is found here. */
import type { z } from 'zod';
import { GantryError, type Issue } from '../spec/issue.js';
import { list, near } from '../spec/near.js';
import type { GraphNode } from './graph.js';
import type { NodeType, OutputPorts, Port, Ports, PortType } from './node.js';
import type { Clock } from './plan.js';

export interface InputPort {
  readonly name: string;
  readonly type: PortType;
  readonly clock: Clock;
  readonly optional: boolean;
}

/** Ports that depend on a configuration that is wrong are unknown: nothing is said about edges to them. */
export interface Face {
  readonly id: string;
  readonly node: GraphNode;
  readonly type?: NodeType;
  readonly config?: unknown;
  /** The configuration parsed. */
  readonly sound: boolean;
  readonly inputs?: readonly InputPort[];
  readonly outputs?: OutputPorts;
}

const clockOf = (port: Port): Clock => (typeof port === 'string' ? 'event' : 'latest' in port ? 'latest' : 'previous');
const typeOf = (port: Port): PortType => (typeof port === 'string' ? port : 'latest' in port ? port.latest : port.previous);

/** The ports of a type's `inputs`, the optional mark taken off. */
export const inputPorts = (inputs: Ports): InputPort[] =>
  Object.entries(inputs).map(([key, port]) => ({
    name: key.replace(/\?$/, ''), type: typeOf(port), clock: clockOf(port), optional: key.endsWith('?'),
  }));

/** Reads one node of a graph; what is wrong goes to `issues`. */
export function face(id: string, node: GraphNode, types: ReadonlyMap<string, NodeType>, issues: Issue[]): Face {
  const at = `nodes.${id}`;
  const type = typeof node.type === 'string' ? types.get(node.type) : node.type;
  if (!type) {
    // A node without a type is an issue of the file, found when it was read.
    if (typeof node.type === 'string') issues.push(unknownType(`${at}.type`, node.type, types));
    return { id, node, sound: false };
  }
  const before = issues.length;
  const config = parseConfig(at, node, type, issues);
  const sound = issues.length === before;
  const ports = <P>(given: P | ((config: unknown) => P)): P | undefined => {
    if (typeof given !== 'function') return given;
    return sound ? attempt(`${at}.config`, issues, () => (given as (config: unknown) => P)(config)) : undefined;
  };
  const inputs = ports<Ports>(type.inputs);
  const outputs = ports<OutputPorts>(type.outputs);
  return { id, node, type, config, sound, ...(inputs && { inputs: inputPorts(inputs) }), ...(outputs && { outputs }) };
}

/** Runs a node type's own code; what it throws for people becomes an issue. */
export function attempt<T>(at: string, issues: Issue[], run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    issues.push(...issuesOf(at, error));
    return undefined;
  }
}

/** An error as issues at a place. What was not made for people is passed on. */
export function issuesOf(at: string, error: unknown): Issue[] {
  if (!(error instanceof GantryError)) throw error;
  return error.issues.map((issue) => ({ ...issue, at: issue.at ? `${at}.${issue.at}` : at, says: error.where ? `${error.where}: ${issue.says}` : issue.says }));
}

function unknownType(at: string, name: string, types: ReadonlyMap<string, NodeType>): Issue {
  const names = [...types.keys()].sort();
  const family = names.filter((other) => other.split('/')[0] === name.split('/')[0]);
  const close = near(name, names) ?? near(name.split('/')[1] ?? name, names.map((other) => other.split('/')[1] ?? other));
  const meant = names.find((other) => other === close || other.split('/')[1] === close);
  return { at, says: `there is no node type "${name}"; at hand are ${list(family.length ? family : names)}`, ...(meant && { try: meant }) };
}

function parseConfig(at: string, node: GraphNode, type: NodeType, issues: Issue[]): unknown {
  const [written, current] = [node.version ?? 1, type.version ?? 1];
  let given = node.config ?? {};
  if (written > current) {
    issues.push({ at: `${at}.version`, says: `${written} is newer than ${type.name} of this program, which is version ${current}` });
    return undefined;
  }
  if (written < current) {
    if (!type.migrate) {
      issues.push({ at: `${at}.version`, says: `this configuration is of version ${written}; ${type.name} is version ${current} and can't convert it` });
      return undefined;
    }
    const count = issues.length;
    given = attempt(`${at}.config`, issues, () => type.migrate!(given, written)) as object;
    if (issues.length > count) return undefined;
  }
  const parsed = type.config.safeParse(given);
  if (parsed.success) return parsed.data;
  issues.push(...parsed.error.issues.flatMap((issue) => configIssues(`${at}.config`, issue, given, type.config)));
  return undefined;
}

const dotted = (at: string, path: readonly PropertyKey[]) => [at, ...path.map(String)].join('.');
const within = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((v, key) => (typeof v === 'object' && v !== null ? (v as Record<PropertyKey, unknown>)[key] : undefined), value);
const spell = (value: unknown) => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
};

/** What zod's message asks for: `Too small: expected number to be >0` is `number >0`. */
const wish = (message: string) =>
  message.replace(/^(Invalid (input|option|string)|Too (small|big)): /, '').replace(/, received .*$/, '').replace(/^expected /, '').replace(/ to (be|have) /, ' ');

/** Our sentence for what zod found. */
function configIssues(at: string, issue: z.core.$ZodIssue, config: unknown, schema: z.ZodType): Issue[] {
  const here = dotted(at, issue.path);
  if (issue.code === 'unrecognized_keys') {
    const shape = issue.path.length === 0 && 'shape' in schema ? Object.keys(schema.shape as object) : [];
    return issue.keys.map((key) => {
      const meant = near(key, shape);
      return { at: `${here}.${key}`, says: `there is no such key${shape.length ? `; there are ${list(shape)}` : ''}`, ...(meant && { try: meant }) };
    });
  }
  const value = within(config, issue.path);
  if (issue.code === 'custom') return [{ at: here, says: issue.message }];
  const choices = choicesOf(issue), wanted = wantedBy(issue, choices);
  if (value === undefined) return [{ at: here, says: `missing; wants ${wanted}` }];
  const meant = typeof value === 'string' ? near(value, choices) : undefined;
  return [{ at: here, says: `is ${spell(value)}; wants ${wanted}`, ...(meant && { try: meant }) }];
}

/** The words that zod would have taken: of an enumeration, or of the key that tells the forms of an object apart. */
function choicesOf(issue: z.core.$ZodIssue): readonly string[] {
  if (issue.code === 'invalid_value') return issue.values.map(String);
  return issue.code === 'invalid_union' && 'options' in issue ? (issue.options as readonly unknown[]).map(String) : [];
}

function wantedBy(issue: z.core.$ZodIssue, choices: readonly string[]): string {
  if (issue.code !== 'invalid_union') return wish(issue.message);
  if (choices.length) return `one of ${list(choices)}`;
  const forms = issue.errors.flatMap(([first]) => (first?.path.length === 0 ? [wish(first.message)] : []));
  return forms.length ? [...new Set(forms)].join(' or ') : 'one of the forms that its node type knows';
}
