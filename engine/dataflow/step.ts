/** @file One step of one node: its inputs gathered, its context made, its outputs checked, its error given a place. */
import { keyedRandom } from '../session/keyed-random.js';
import { GantryError, stepError } from '../spec/issue.js';
import { show, type TensorShape } from '../spec/tensor-type.js';
import { isResident, isTensorValue, type Value } from '../spec/value.js';
import { heldOutputs, type Actor, type Tick } from './actor.js';
import type { Services, WaveContext } from './context.js';
import type { Outputs } from './events.js';
import type { Stepped } from './node.js';
import type { Plan, PlannedNode } from './plan.js';

export interface Stepper {
  /** The inputs of a step, or `undefined` if the node does not step in this wave. `values` are in the order of the node's edges. */
  gather(values: readonly (Value | undefined)[]): Outputs | undefined;
  /** Takes the step. What is thrown carries node and wave. */
  step(last: Tick, inputs: Outputs, wave: number): Promise<Tick> | Tick;
  /** The tick of a wave without a step. */
  idle(last: Tick, wave: number): Tick;
}

export function createStepper(plan: Plan, { node, behaviour }: Actor, seed: number, signal: AbortSignal, services: Services): Stepper {
  const held = heldOutputs(plan, node.id);
  const emitted = new Set<string>();
  const { edges } = node;

  const gather: Stepper['gather'] = (values) => {
    const inputs: Record<string, Value> = {};
    for (let i = 0; i < edges.length; i++) {
      const value = values[i], edge = edges[i]!;
      if (value !== undefined) inputs[edge.port] = value;
      else if (edge.clock === 'event' || !edge.optional) return undefined;
    }
    return inputs;
  };
  const context = (wave: number): WaveContext => ({
    node: node.id, wave, signal, services, random: (name) => keyedRandom(seed, node.id, wave, name),
  });
  const idle: Stepper['idle'] = ({ state, registers, steps }, wave) => ({ wave, state, registers, steps, outputs: {}, stepped: false });

  const tick = (last: Tick, wave: number, result: Stepped<unknown, Outputs>): Tick => {
    if (typeof result?.outputs !== 'object') throw new TypeError('its step must return { state, outputs }');
    for (const name of Object.keys(result.outputs)) {
      if (emitted.has(name) || result.outputs[name] === undefined) continue;
      checkOutput(plan, node, name, result.outputs[name]);
      emitted.add(name);
    }
    let { registers } = last;
    for (const name of held) {
      const value = result.outputs[name];
      if (value !== undefined) registers = { ...registers, [name]: value };
    }
    return { wave, state: result.state, registers, steps: last.steps + 1, outputs: result.outputs as Outputs, stepped: true };
  };
  const step: Stepper['step'] = (last, inputs, wave) => {
    const failed = (error: unknown): never => { throw placed(error, node, wave); };
    try {
      const result = behaviour.step(last.state, inputs, context(wave));
      return isPromise(result) ? result.then((stepped) => tick(last, wave, stepped)).catch(failed) : tick(last, wave, result);
    } catch (error) {
      return failed(error);
    }
  };
  return { gather, step, idle };
}

/** Jest and workers have promises of their own, so `instanceof` does not do. */
export const isPromise = <T>(value: T | Promise<T>): value is Promise<T> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';

/** The first value on an output must be of its type: the last of the three nets. */
function checkOutput(plan: Plan, node: PlannedNode, name: string, value: Value): void {
  if (!(name in node.outputs)) throw new TypeError(`it emits "${name}"; its outputs are ${Object.keys(node.outputs).join(', ') || 'none'}`);
  const type = plan.outputType(node.id, name);
  if (typeof type !== 'object') return;
  if (!isTensorValue(value) && !isResident(value)) throw new TypeError(`${name} is ${show(type)}, and what it emits is not a tensor`);
  if (!matches(value, type)) throw new TypeError(`${name} is ${show(type)}, and it emits ${show({ dtype: value.dtype, dims: value.dims })}`);
}

const matches = (value: Pick<TensorShape, 'dtype' | 'dims'>, type: TensorShape): boolean => {
  if (value.dtype !== type.dtype) return false;
  if (type.dims.some((dim) => typeof dim === 'string' && dim.startsWith('...'))) return true;
  return value.dims.length === type.dims.length && type.dims.every((dim, i) => typeof dim === 'string' || dim === value.dims[i]);
};

/** An error with the node and wave it comes from. Errors made for people keep their name, issues and exit code. */
function placed(error: unknown, node: PlannedNode, wave: number): GantryError {
  if (!(error instanceof GantryError)) return stepError(node.id, node.type.name, wave, (error as Error)?.message ?? String(error), { cause: error });
  const here = `node "${node.id}"`;
  if (error.where.startsWith(here)) return error;
  const where = `${here} (${node.type.name}), wave ${wave}${error.where ? `: ${error.where}` : ''}`;
  return new GantryError(error.name, where, error.issues, error.exitCode, { cause: error });
}
