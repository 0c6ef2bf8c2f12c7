/** @file What a program or a model file takes and gives: names to types. A node's ports are a signature plus a clock for each input. */
import type { TensorShape } from './tensor-type.js';

export interface Signature {
  readonly inputs: Readonly<Record<string, TensorShape>>;
  readonly outputs: Readonly<Record<string, TensorShape>>;
}
