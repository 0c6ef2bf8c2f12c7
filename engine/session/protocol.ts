/** @file What the main thread and the thread of ONNX Runtime say to each other. The main thread gives all ids; requests are answered in order. */
import type { Signature } from '../spec/signature.js';
import { ARRAYS, type TensorValue, type TypedArray } from '../spec/value.js';
import type { Device } from './host.js';

/** How much ONNX Runtime rewrites a graph before it runs it. */
export type Optimization = 'disabled' | 'basic' | 'extended' | 'all';

/** What a session is opened with. */
export interface SessionSettings {
  readonly device: Device;
  /** Threads of one operator. */
  readonly threads: number;
  readonly optimization: Optimization;
  /** Plans memory ahead for fixed sizes: no faster, and a half more memory (measured on training steps). */
  readonly memoryPattern: boolean;
  /** Whether threads without work sleep at once. */
  readonly sleep: boolean;
  /** Computes 3 x 3 convolutions with constant kernels by Winograd's filtering where that pays. */
  readonly fewerProducts: boolean;
  /** Leaves equal nodes apart: in our programs they are one already, and what is there twice is meant to be (`tensor/onnx/renewal`). */
  readonly asWritten: boolean;
}

/** A resident's id, or data that was copied for the journey. */
export type Feed = number | TensorValue;
export type Sized = Pick<TensorValue, 'dtype' | 'dims'>;

/** Every request, with its answer. */
export interface Calls {
  open: { readonly ask: { readonly session: number; readonly model: string | Uint8Array; readonly settings: SessionSettings }; readonly answer: Signature };
  run: {
    /** `keep` says which id an output that stays gets; `fetch` names the outputs to send. */
    readonly ask: {
      readonly session: number;
      readonly feeds: Readonly<Record<string, Feed>>;
      readonly keep: Readonly<Record<string, number>>;
      readonly fetch: readonly string[];
    };
    readonly answer: { readonly kept: Readonly<Record<string, Sized>>; readonly fetched: Readonly<Record<string, TensorValue>> };
  };
  put: { readonly ask: { readonly id: number; readonly value: TensorValue }; readonly answer: null };
  get: { readonly ask: { readonly id: number }; readonly answer: TensorValue };
  /** A resident whose elements are yet to be filled in. */
  room: { readonly ask: { readonly id: number; readonly sized: Sized }; readonly answer: null };
  /** Copies a piece to the rows from `at` on, and gives it up. */
  fill: { readonly ask: { readonly id: number; readonly piece: number; readonly at: number }; readonly answer: null };
  release: { readonly ask: { readonly ids: readonly number[] }; readonly answer: null };
  shut: { readonly ask: { readonly session: number }; readonly answer: null };
  close: { readonly ask: null; readonly answer: null };
}
export type Call = keyof Calls;
export type Message = { [K in Call]: { readonly number: number; readonly call: K; readonly ask: Calls[K]['ask'] } }[Call];
export type Answer = { readonly number: number; readonly answer: unknown } | { readonly number: number; readonly failed: string };

/** The same tensor in a buffer of its own, which may be transferred. Views, Node buffers and shared memory come out plain. */
export function copyOf({ dtype, dims, data }: TensorValue): TensorValue {
  const copy = new (ARRAYS[dtype] as new (data: TypedArray) => TypedArray)(data);
  return { dtype, dims, data: copy };
}

export const buffersOf = (values: readonly TensorValue[]): ArrayBuffer[] => values.map(({ data }) => data.buffer as ArrayBuffer);
