/** @file A program as an ONNX model file. */
import { traceError } from '../../spec/issue.js';
import type { TensorValue } from '../../spec/value.js';
import { show } from '../../spec/tensor-type.js';
import type { Program } from '../program.js';
import { fuse } from '../fuse.js';
import { renew, simplify } from '../simplify.js';
import { RuleError, type Equation, type Tensor } from '../tensor.js';
import { verify } from '../verify.js';
import { frugal } from './frugal.js';
import { cutApart, renewable, renewing, type RenewingWriter } from './renewal.js';
import { readsMuch, schedule } from './schedule.js';
import { createWriter, sequenceInfo, valueInfo, type Writer } from './writer.js';
import { writeModel } from './schema.js';

/** The operator set: the first in which all reductions take their axes as inputs, and one that browsers' runtimes know. */
export const OPSET = 18;

/** Bytes that are worth a node which asks for what they wait for. */
const MUCH = 1 << 20;

export interface EncodeOptions {
  /** The operator set, 18 or later. */
  readonly opset?: number;
  /** Values of states that become part of the file instead of inputs: an exported generator's weights. */
  readonly constants?: Readonly<Record<string, TensorValue>>;
  /** Written into the file's metadata. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Whether an output called `REFUSED` comes first, an empty sequence. */
  readonly refused?: boolean;
  /** Whether ONNX Runtime is to hold little memory at once (`frugal`); a file for other programs needn't. */
  readonly sparing?: boolean;
}

/** The name of an output that onnxruntime-node can't hand over: it is no tensor (`session/onnxruntime` says what for). */
export const REFUSED = '%refused';

/** The name of a state's next version among the outputs of the file. */
export const nextName = (state: string): string => `${state}.next`;

/**
 * A model file: inputs are the program's states, then its inputs; outputs are `<state>.next` of the states that change, then its
 * outputs. The program is simplified first.
 */
export function encode(traced: Program, { opset = OPSET, constants = {}, metadata = {}, refused = false, sparing = false }: EncodeOptions = {}): Uint8Array {
  const fused = verify(renew(verify(simplify(verify(traced))), fuse)), program = sparing ? verify(renew(fused, cutApart)) : fused;
  const writer = renewing(createWriter()), names = new Map<Tensor, string>();
  // What is made again comes with its readers.
  const again = (equation: Equation) => sparing && renewable(equation);
  const named = (t: Tensor): string => (again(t.equation) ? lower(writer, program, t.equation, named)[0]! : names.get(t)!);
  const inputs = [...Object.entries(program.state).map(([name, { value }]) => [name, value] as const), ...Object.entries(program.inputs)];
  const results = [
    ...Object.entries(program.state).filter(([, { value, next }]) => next !== value).map(([name, { next }]) => [nextName(name), next] as const),
    ...Object.entries(program.outputs),
  ];
  for (const [name, symbol] of inputs) {
    names.set(symbol, name);
    if (sparing) writer.given(name, symbol);
    const value = constants[name];
    if (value) bake(writer, program, name, symbol, value);
  }
  const order = schedule(results.map(([, t]) => t)).filter((equation) => !again(equation));
  for (const equation of order) {
    const { op, outputs, attrs, where } = equation;
    if (op.name === 'input') {
      if (!names.has(outputs[0]!)) throw traceError(where || program.name, `${attrs.name} is not among the inputs and states of ${program.name}`);
    } else {
      writer.place(`${where || program.name}: ${op.name}`);
      lower(writer, program, equation, named).forEach((name, i) => { names.set(outputs[i]!, name); });
    }
  }
  writer.place(`${program.name}: results`);
  for (const [name, t] of results) writer.result(named(t), name);
  if (refused) writer.result(writer.node('SequenceEmpty', [])[0]!, REFUSED);
  const graph = writer.graph(
    program.name,
    inputs.filter(([name]) => !constants[name]).map(([name, t]) => valueInfo(name, t.shape)),
    [...(refused ? [sequenceInfo(REFUSED)] : []), ...results.map(([name, t]) => valueInfo(name, t.shape))],
  );
  const written = sparing ? frugal(graph, order.filter((equation) => readsMuch(equation, MUCH)).map(({ outputs }) => names.get(outputs[0]!)!)) : graph;
  return writeModel({
    irVersion: opset > 20 ? 10n : 8n, producerName: 'gantry', graph: written, opsetImport: [{ domain: '', version: BigInt(opset) }],
    metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
  });
}

function bake(writer: Writer, program: Program, name: string, symbol: Tensor, value: TensorValue): void {
  if (show(value) !== show(symbol.shape)) throw traceError(program.name, `the value of ${name} is ${show(value)}; the program wants ${symbol}`);
  if (program.state[name]!.next !== symbol) throw traceError(program.name, `state ${name} changes, so it cannot become a constant`);
  // A leaf that only training reads stays in the file, for whoever trains on from it.
  writer.initializer(name, value.dtype, value.dims, value.data, true);
}

/** The names of the equation's results. */
function lower(writer: RenewingWriter, program: Program, equation: Equation, named: (t: Tensor) => string): readonly string[] {
  const { op, inputs, outputs, where } = equation;
  try {
    const results = op.lower(writer, inputs.map(named), equation);
    results.forEach((name, i) => { writer.found(name, outputs[i]!); });
    return results;
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    throw traceError(where || program.name, `${op.name}(${inputs.join(', ')}): ${error.message}`);
  }
}
