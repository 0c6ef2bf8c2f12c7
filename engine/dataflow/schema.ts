/** @file The JSON Schema of graph files, for completion and checks in any editor: one branch a node type. */
import { z } from 'zod';
import { inputPorts } from './face.js';
import { FORMAT } from './graph.js';
import type { NodeType, PortType } from './node.js';

export type JsonSchema = { readonly [key: string]: unknown };

const REFERENCE = '^[A-Za-z_][\\w-]*\\.\\w[\\w-]*$';

/** The schema of files that use these node types. */
export function graphSchema(types: ReadonlyMap<string, NodeType>): JsonSchema {
  const sorted = [...types.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'A Gantry graph',
    type: 'object',
    required: ['gantry'],
    additionalProperties: false,
    properties: {
      $schema: { type: 'string' },
      gantry: { const: FORMAT, description: 'Version of the file format.' },
      about: { type: 'string', description: 'One sentence.' },
      plugins: { type: 'array', items: { type: 'string' }, description: 'Packages, or files by their path from this one, whose node types the graph uses.' },
      extends: { type: 'string', description: 'A graph file, by its path from this one, over which this one is laid.' },
      waves: { type: 'integer', minimum: 1, description: 'How many waves a run has.' },
      seed: { type: 'integer', minimum: 0, description: 'Key of all randomness.' },
      prefetch: { type: 'integer', minimum: 1, description: 'How many waves may be under way at once.' },
      nodes: {
        type: 'object',
        propertyNames: { pattern: '^[A-Za-z_][\\w-]*$' },
        additionalProperties: { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null', description: 'Removes a node of the extended file.' }] },
      },
    },
    $defs: {
      node: {
        type: 'object',
        additionalProperties: false,
        properties: {
          type: { type: 'string', anyOf: sorted.map((type) => ({ const: type.name, description: type.about })) },
          version: { type: 'integer', minimum: 1, description: 'Version of the node type that this configuration was written for.' },
          config: { type: 'object' },
          in: { type: 'object', additionalProperties: { anyOf: [{ type: 'string', pattern: REFERENCE }, { type: 'null' }] } },
        },
        allOf: sorted.map((type) => ({
          if: { required: ['type'], properties: { type: { const: type.name } } },
          // biome-ignore lint/suspicious/noThenProperty: the word is JSON Schema's
          then: branch(type),
        })),
      },
    },
  };
}

function branch(type: NodeType): JsonSchema {
  const version = type.version ?? 1;
  const ports = typeof type.inputs === 'function' ? undefined : inputPorts(type.inputs);
  const needed = ports?.filter((port) => !port.optional).map((port) => port.name) ?? [];
  const config = configSchema(type);
  const mustConfigure = Array.isArray(config.required) && config.required.length > 0;
  return {
    required: [...(version > 1 ? ['version'] : []), ...(mustConfigure ? ['config'] : []), ...(needed.length ? ['in'] : [])],
    properties: {
      version: { const: version },
      config,
      ...(ports && {
        in: {
          type: 'object', additionalProperties: false, ...(needed.length && { required: needed }),
          properties: Object.fromEntries(ports.map((port) => [port.name, { type: 'string', pattern: REFERENCE, description: described(port) }])),
        },
      }),
    },
  };
}

const described = ({ type, clock }: { readonly type: PortType; readonly clock: string }) => (clock === 'event' ? type : `${clock} ${type}`);

/** A configuration's schema; recursive ones refer to their own definitions, so they get an address of their own. */
function configSchema(type: NodeType): JsonSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(type.config, { io: 'input', unrepresentable: 'any' }) as Record<string, unknown>;
  return '$defs' in schema ? { $id: `gantry:${type.name}`, ...schema } : schema;
}
