/** @file A node type described for people: ports with their clocks, settings with their defaults, the plugin it comes from. */
import { z } from 'zod';
import { inputPorts, type InputPort } from '../dataflow/face.js';
import type { NodeType, OutputPorts, Ports } from '../dataflow/node.js';
import type { Part } from './token.js';

/** One setting. `path` is as in a graph file: `optimiser.lr`; what belongs to a choice is `optimiser(adam).lr`. */
export interface Setting {
  readonly path: string;
  readonly type: string;
  readonly required: boolean;
  readonly default?: unknown;
  readonly about?: string;
}

export interface NodeDescription {
  readonly name: string;
  readonly about: string;
  readonly plugin: string;
  readonly version: number;
  /** `undefined` where the ports depend on settings that have no default. */
  readonly inputs?: readonly InputPort[];
  readonly outputs?: OutputPorts;
  readonly settings: readonly Setting[];
}

/** The part of JSON Schema that zod emits here. */
interface Schema {
  readonly type?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly prefixItems?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}

export function describeNode({ value: type, plugin }: Part<NodeType>): NodeDescription {
  const defaults = type.config.safeParse({});
  const known = <P>(ports: P | ((config: unknown) => P)): P | undefined => {
    if (typeof ports !== 'function') return ports;
    return defaults.success ? (ports as (config: unknown) => P)(defaults.data) : undefined;
  };
  const inputs = known<Ports>(type.inputs), outputs = known<OutputPorts>(type.outputs);
  const schema = z.toJSONSchema(type.config, { io: 'input', unrepresentable: 'any', reused: 'inline' }) as Schema;
  return {
    name: type.name, about: type.about, plugin, version: type.version ?? 1,
    ...(inputs && { inputs: inputPorts(inputs) }), ...(outputs && { outputs }), settings: settingsOf(schema, ''),
  };
}

const alternatives = (schema: Schema): readonly Schema[] => schema.anyOf ?? schema.oneOf ?? [];

function settingsOf(schema: Schema, at: string): Setting[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, inner]) => {
    if (inner.const !== undefined && key === 'type') return [];
    const path = at ? `${at}.${key}` : key;
    const setting: Setting = {
      path, type: spell(inner), required: schema.required?.includes(key) ?? false,
      ...(inner.default !== undefined && { default: inner.default }), ...(inner.description && { about: inner.description }),
    };
    return [setting, ...insideOf(inner, path)];
  });
}

/** The settings inside one: those of an object, and of each object that it may be. Choices among the same objects again are said once. */
function insideOf(schema: Schema, path: string): Setting[] {
  const named = alternatives(schema).filter((inner) => inner.properties);
  const tagged = named.filter((inner) => inner.properties?.type?.const !== undefined);
  const nested = alternatives(schema).filter((inner) => alternatives(inner).length);
  return [
    ...settingsOf(schema, path),
    ...tagged.flatMap((inner) => settingsOf(inner, `${path}(${String(inner.properties?.type?.const)})`)),
    ...nested.flatMap((inner) => insideOf(inner, path)),
  ];
}

const literal = (value: unknown): string => JSON.stringify(value);

function spell(schema: Schema): string {
  if (schema.const !== undefined) return literal(schema.const);
  if (schema.enum) return schema.enum.map(literal).join(' | ');
  if (schema.properties?.type?.const !== undefined) return `{ type: ${literal(schema.properties.type.const)}, … }`;
  if (schema.properties) return `{ ${Object.keys(schema.properties).join(', ')} }`;
  const choices = [...new Set(alternatives(schema).map(spell))];
  if (choices.length) return choices.join(' | ');
  if (schema.prefixItems) return `[${schema.prefixItems.map(spell).join(', ')}]`;
  if (schema.type === 'array') return `${schema.items ? spell(schema.items) : 'any'}[]`;
  return `${schema.type ?? 'any'}${range(schema)}`;
}

function range({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Schema): string {
  const finite = (bound: number | undefined) => (bound !== undefined && Math.abs(bound) < Number.MAX_SAFE_INTEGER ? bound : undefined);
  const [from, above, to, below] = [minimum, exclusiveMinimum, maximum, exclusiveMaximum].map(finite);
  const lower = above !== undefined ? `> ${above}` : from !== undefined ? `>= ${from}` : '';
  const upper = below !== undefined ? `< ${below}` : to !== undefined ? `<= ${to}` : '';
  return lower || upper ? ` ${[lower, upper].filter(Boolean).join(', ')}` : '';
}
