/** @file The edges of a graph: every reference resolved, every pair of types unified, every mistake explained. */
import type { Issue } from '../spec/issue.js';
import { list, near } from '../spec/near.js';
import { createSizes, scoped, type Mismatch, type Sizes } from '../spec/sizes.js';
import { parsePort } from '../spec/tensor-type.js';
import type { Face, InputPort } from './face.js';
import type { PortType } from './node.js';
import type { Edge } from './plan.js';

type Faces = ReadonlyMap<string, Face>;
interface Output { readonly node: string; readonly name: string; readonly type: PortType }

/** The edges of every node, in the order of its ports. `sizes` learns what they say. */
export function wire(faces: Faces, sizes: Sizes, issues: Issue[]): ReadonlyMap<string, readonly Edge[]> {
  const edges = new Map<string, Edge[]>();
  for (const face of faces.values()) {
    const own: Edge[] = [];
    edges.set(face.id, own);
    const references = face.node.in ?? {};
    for (const [port, reference] of Object.entries(references)) {
      const at = `nodes.${face.id}.in.${port}`;
      const input = face.inputs?.find((candidate) => candidate.name === port);
      if (face.inputs && !input) issues.push(unknownInput(at, port, face));
      const output = find(at, reference, faces, input ? { ...input, node: face.id, sizes } : undefined, issues);
      if (!output || !input) continue;
      own.push({ port, type: input.type, from: output.node, output: output.name, clock: input.clock, optional: input.optional });
      const mismatch = unify(output, input, face.id, sizes);
      if (!mismatch) continue;
      const remedy = suggestion(faces, face.id, input, sizes, output.node);
      issues.push({
        at, says: `${reference} is ${output.type}; ${port} wants ${input.type}: ${mismatch.says}`,
        ...(mismatch.because && { because: mismatch.because }), ...(remedy && { try: remedy }),
      });
    }
    for (const input of face.inputs ?? []) {
      if (input.optional || input.name in references) continue;
      const remedy = suggestion(faces, face.id, input, sizes);
      issues.push({ at: `nodes.${face.id}.in.${input.name}`, says: `missing; wants ${input.type}`, ...(remedy && { try: remedy }) });
    }
  }
  return edges;
}

/** The output that `node.output` names. */
function find(
  at: string, reference: string, faces: Faces, wanted: (InputPort & { node: string; sizes: Sizes }) | undefined, issues: Issue[],
): Output | undefined {
  const dot = reference.indexOf('.');
  if (dot < 1 || dot === reference.length - 1) {
    const meant = faces.get(reference) && wanted && suggestion(faces, wanted.node, wanted, wanted.sizes, reference);
    issues.push({ at, says: `"${reference}" names no output; an edge is written "node.output"`, ...(meant && { try: meant }) });
    return undefined;
  }
  const [node, name] = [reference.slice(0, dot), reference.slice(dot + 1)];
  const face = faces.get(node);
  if (!face) {
    const meant = near(node, faces.keys());
    issues.push({ at, says: `there is no node "${node}"; there are ${list([...faces.keys()])}`, ...(meant && { try: `${meant}.${name}` }) });
    return undefined;
  }
  if (!face.outputs) return undefined;
  const type = face.outputs[name];
  if (type !== undefined) return { node, name, type };
  const names = Object.keys(face.outputs), close = near(name, names);
  const meant = close ? `${node}.${close}` : wanted && suggestion(faces, wanted.node, wanted, wanted.sizes, node);
  issues.push({ at, says: `${node} (${face.type!.name}) has no output "${name}"; it has ${list(names)}`, ...(meant && { try: meant }) });
  return undefined;
}

function unknownInput(at: string, port: string, { inputs = [], type }: Face): Issue {
  const names = inputs.map((input) => input.name), meant = near(port, names);
  return { at, says: `${type!.name} has no input "${port}"; it has ${list(names)}`, ...(meant && { try: meant }) };
}

/** Makes one edge's types agree, or says why they can't. */
function unify(output: Output, input: InputPort, node: string, sizes: Sizes): Mismatch | undefined {
  if (input.type === '@any') return undefined;
  const [out, into] = [parsePort(output.type), parsePort(input.type)];
  if (!out || !into) return { says: `${out ? input.type : output.type} is not a type` };
  const opaque = out.dtype.startsWith('@');
  if (opaque !== into.dtype.startsWith('@')) return { says: opaque ? 'an opaque value is not a tensor' : 'a tensor is not an opaque value' };
  if (out.dtype !== into.dtype) return { says: `${out.dtype} is not ${into.dtype}` };
  // An opaque value may keep its sizes to itself on one side of an edge.
  if (opaque && (out.dims.length === 0 || into.dims.length === 0)) return undefined;
  const why = `${node}.in.${input.name}`;
  const from = { dims: out.dims.map((dim) => scoped(output.node, dim)), port: `${output.node}.${output.name}` };
  const to = { dims: into.dims.map((dim) => scoped(node, dim)), port: why };
  const mismatch = sizes.match(from, to, why);
  if (mismatch || into.below === undefined) return mismatch;
  if (out.below === undefined) return { says: `its integers have no bound, and these must lie below ${into.below}` };
  const clash = sizes.match(
    { dims: [scoped(output.node, out.below)], port: from.port }, { dims: [scoped(node, into.below)], port: why }, why);
  return clash && { ...clash, says: `integers below ${out.below} are not integers below ${into.below}` };
}

/** The one output that would fit: of the node that was named, else of any other. */
function suggestion(faces: Faces, node: string, input: InputPort, sizes: Sizes, named?: string): string | undefined {
  if (input.type === '@any') return undefined;
  const fitting = (face: Face) => Object.entries(face.outputs ?? {})
    .map(([name, type]) => ({ node: face.id, name, type }))
    .filter((output) => output.node !== node && fits(output, input, node, sizes));
  const own = named ? fitting(faces.get(named)!) : [];
  const all = own.length ? own : [...faces.values()].flatMap(fitting);
  const [only] = all;
  return only && all.length === 1 ? `${only.node}.${only.name}, which is ${only.type}` : undefined;
}

/** Whether an edge would be right, by what is known of sizes so far; teaches nothing. */
function fits(output: Output, input: InputPort, node: string, sizes: Sizes): boolean {
  const trial = createSizes();
  for (const [at, type] of [[output.node, output.type], [node, input.type]] as const) {
    const shape = parsePort(type);
    for (const dim of [...(shape?.dims ?? []), ...(shape?.below === undefined ? [] : [shape.below])]) {
      const variable = scoped(at, dim), size = sizes.size(variable);
      if (typeof variable === 'string' && size !== undefined) trial.know(variable, size, '');
    }
  }
  return !unify(output, input, node, trial);
}
