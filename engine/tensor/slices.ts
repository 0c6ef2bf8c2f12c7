/** @file Long work in slices: a generator yields between two of them, so that whoever runs it may give others a turn. */

export type Slices<T> = Generator<void, T, void>;

/** All slices at once. */
export function whole<T>(slices: Slices<T>): T {
  for (;;) {
    const { done, value } = slices.next();
    if (done) return value;
  }
}
