/**
 * @file Parts and layouts of large weights are made again where they are read, instead of held from their first reader to their last: a discriminator's, cut out of the
 * flat vector and turned, would wait from the real images' pass through a penalty's for the generated ones'. Copying them costs little beside the products that read them.
 */
import { bytesOf } from '../dims.js';
import { sliceOp, splitOp } from '../ops/index.js';
import { apply1, rewritten, type Equation, type Tensor } from '../tensor.js';
import type { Writer } from './writer.js';

/** Weights of more bytes are worth a copy more. */
const LARGE = 1 << 23;
/** How many equations later a reader is far from the one before it. */
const FAR = 32;

const COPIES: ReadonlySet<string> = new Set(['slice', 'reshape', 'transpose', 'matmul']);

/** Whether the equation is a large part or layout of one input alone, or its product with a constant. */
export function renewable({ op, inputs, outputs }: Equation): boolean {
  if (!COPIES.has(op.name) || !(bytesOf(outputs[0]!) > LARGE)) return false;
  const [from, ...more] = inputs.filter(({ equation }) => equation.op.name !== 'constant');
  return from !== undefined && !more.length && (from.equation.op.name === 'input' || renewable(from.equation));
}

/** Tensors with the values of `roots`; inputs of many bytes are cut one part at a time. */
export const cutApart = (roots: readonly Tensor[]): Tensor[] => rewritten(roots, ({ op, inputs: [whole], attrs, outputs }, renewed) =>
  (op === splitOp && whole!.equation.op.name === 'input' && outputs.some((t) => bytesOf(t) > LARGE) ? parts(renewed(whole!), outputs, attrs.axis as number) : undefined));

function parts(whole: Tensor, outputs: readonly Tensor[], axis: number): readonly Tensor[] {
  let end = 0;
  return outputs.map(({ dims }) => {
    const start = end;
    end += dims[axis] as number;
    return apply1(sliceOp, [whole], { axis, start, end, step: 1 });
  });
}

/** Nodes that only lay out, or sum with constant weights, what one other value has. */
const CHEAP: ReadonlySet<string> = new Set(['Slice', 'Reshape', 'Transpose', 'Gather', 'Gemm', 'MatMul']);

export interface RenewingWriter extends Writer {
  /** The bytes of an input. */
  given(name: string, t: Tensor): void;
  /** The bytes of a result, where it comes from an input alone: less than the input's, if it is a part. */
  found(name: string, t: Tensor): void;
}

/** A writer whose nodes are made again for a reader far from the one before, if they come from a large input and constants alone. */
export function renewing(writer: Writer): RenewingWriter {
  const bytes = new Map<string, number>(), lastRead = new Map<string, number>();
  let now = 0;
  return {
    ...writer,
    given(name, t) { bytes.set(name, bytesOf(t)); },
    found(name, t) { if (bytes.has(name)) bytes.set(name, bytesOf(t)); },
    place(where) {
      now++;
      writer.place(where);
    },
    constant(...described) {
      const name = writer.constant(...described);
      bytes.set(name, 0);
      return name;
    },
    node(type, inputs, attributes, outputs, alone) {
      let names = writer.node(type, inputs, attributes, outputs, alone);
      const sizes = inputs.map((input) => bytes.get(input)), size = Math.max(0, ...sizes.map((n) => n ?? 0)), before = lastRead.get(names[0]!);
      if (!CHEAP.has(type) || sizes.includes(undefined) || sizes.filter((n) => n !== 0).length > 1) return names;
      if (before !== undefined && size > LARGE && now - before > FAR) names = writer.node(type, inputs, attributes, outputs, true);
      lastRead.set(names[0]!, now);
      bytes.set(names[0]!, size);
      return names;
    },
  };
}
