/** @file A program as a node: its inputs become event ports, its outputs ports, its state the node's state. Where programs and graphs meet. */
import { z } from 'zod';
import type { State } from '../session/host.js';
import type { Signature } from '../spec/signature.js';
import { show } from '../spec/tensor-type.js';
import type { Tensorial, TensorValue } from '../spec/value.js';
import { signatureOf, type Program } from '../tensor/program.js';
import { defineNode, type NodeType, type OutputPorts, type Ports } from './node.js';

const ports = (side: Signature['inputs']) => Object.fromEntries(Object.entries(side).map(([name, shape]) => [name, show(shape)]));

/** The node type of a program. `first` has the first values of its states; every state needs one. Throws a TypeError otherwise. */
export function lift(name: string, about: string, program: Program, first: Readonly<Record<string, TensorValue>> = {}): NodeType {
  const missing = Object.keys(program.state).filter((key) => !first[key]);
  if (missing.length) throw new TypeError(`${name}: state ${missing.join(', ')} has no first value`);
  const { inputs, outputs } = signatureOf(program);
  return defineNode({
    name, about, config: z.strictObject({}),
    inputs: ports(inputs) as Ports, outputs: ports(outputs) as OutputPorts,
    async start(_config, { services: { host } }) {
      const executable = await host.compile(program);
      const state: Record<string, State[string]> = {};
      for (const key of Object.keys(program.state)) state[key] = await host.put(first[key]!);
      return {
        state: state as State,
        step: (before: State, fed) => executable.run(before, fed as Readonly<Record<string, Tensorial>>),
        close: () => executable.release(),
      };
    },
  }) as NodeType;
}
