/** @file What a case of the benchmark gives. */

/** One line of the result. `ratio` is how many times better ours is than the peer, or than the limit. */
export interface Line {
  readonly case: string;
  readonly ours: number;
  readonly peer: number;
  readonly ratio: number;
  readonly unit: string;
  readonly spread: readonly [number, number];
  /** The most that our process and the peer's held in their turns, in bytes, where that is known. */
  readonly memory?: readonly [ours: number, peer: number] | undefined;
  readonly says: string;
}
export interface Options {
  /** A Python with the peers' packages; several, with commas between them, where another build of a package may be faster. */
  readonly python: string;
  readonly rounds: number;
}
export interface Case { readonly about: string; run(options: Options): Promise<Line | string> }
