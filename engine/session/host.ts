/** @file The session host: where compiled programs run and resident tensors live. An interface, so that a test or a later GPU host can take its place. */
import type { Program } from '../tensor/program.js';
import type { Signature } from '../spec/signature.js';
import type { Resident, Tensorial, TensorValue } from '../spec/value.js';

export type Device = 'cpu' | 'cuda' | 'webgpu';

/** State by name: `generator/parameters`, `discriminator/moment1`, … Versions are immutable. */
export type State = Readonly<Record<string, Resident>>;

export interface RunOptions {
  /** Outputs that stay in the host instead of being copied here. */
  readonly keep?: readonly string[];
}
export interface RunResult {
  /** The next version of every state tensor of the program. */
  readonly state: State;
  readonly outputs: Readonly<Record<string, Tensorial>>;
}

export interface CompileOptions {
  /**
   * What the threads of its operators do between two of them. They look for work for a while, unless said otherwise: best for many small operators on cores of their own.
   * `sleep` is for programs of a few large ones that take turns with other threads' work: on two cores that fill, looking cost exact neighbours half of the time.
   */
  readonly idle?: 'look' | 'sleep';
}

/** A compiled program or an opened model file. `run` never writes to its feeds. */
export interface Executable {
  readonly signature: Signature;
  /** Runs once. `state` may hold more names than the program uses. Feeds are residents or values; data is copied, never transferred away. */
  run(state: State, inputs: Readonly<Record<string, Tensorial>>, options?: RunOptions): Promise<RunResult>;
  release(): Promise<void>;
}

export interface SessionHost {
  readonly device: Device;
  /** Encodes and compiles a program. */
  compile(program: Program, options?: CompileOptions): Promise<Executable>;
  /** Opens an ONNX file; inputs and outputs by the names in the file. */
  open(model: string | Uint8Array): Promise<Executable>;
  /** Copies a tensor into the host. */
  put(value: TensorValue): Promise<Resident>;
  /** Copies a tensor out of the host. */
  get(resident: Resident): Promise<TensorValue>;
  /** Gathers pieces [n,…] into one resident [rows,…]; each is given up when it is in, so that at most one is there beside the whole. Throws unless they make up `rows`. */
  stack(rows: number, pieces: AsyncIterable<Resident>): Promise<Resident>;
  /** Gives residents up; later use of one is an error. */
  release(residents: readonly Resident[]): void;
  /** Ids of all residents, for the runtime's sweep. */
  readonly residents: ReadonlySet<number>;
  /** Ends the host once the call in progress is done. */
  close(): Promise<void>;
}
