/** @file Shuffled batches: which images a wave sees is a function of seed, node and wave, so there is no position to save. */
import { int64, type Behaviour, type Dataset, type StartContext, type Tensorial, type Value } from '../../engine/index.js';

/**
 * The indices of a wave's batch. Epochs are permutations laid end to end, so a batch may straddle two of them and no image is ever dropped.
 * `permutation(epoch)` gives a permutation of 0..size-1.
 */
export function createShuffle(size: number, permutation: (epoch: number) => Int32Array): (wave: number, batch: number) => Int32Array {
  let recent: readonly { readonly epoch: number; readonly order: Int32Array }[] = [];
  const order = (epoch: number) => {
    const known = recent.find((entry) => entry.epoch === epoch);
    if (known) return known.order;
    const made = permutation(epoch);
    recent = [{ epoch, order: made }, ...recent].slice(0, 2);
    return made;
  };
  return (wave, batch) => Int32Array.from({ length: batch }, (_, i) => {
    const position = wave * batch + i;
    return order(Math.floor(position / size))[position % size]!;
  });
}

export interface BatchOutputs {
  readonly image: Tensorial;
  readonly label: Tensorial;
  readonly index: Tensorial;
  readonly dataset: Value;
}

/** The behaviour of every loader: one shuffled batch a wave, and the data set itself as a held constant. */
export function serve(dataset: Dataset, batch: number, start: StartContext): Behaviour<object, object, BatchOutputs> {
  const shuffle = createShuffle(dataset.size, (epoch) => start.random(`epoch ${epoch}`).permutation(dataset.size));
  return {
    state: {},
    initial: () => ({ dataset }),
    async step(state, _inputs, context) {
      const indices = shuffle(context.wave, batch);
      const { image, label } = await dataset.read(indices, context.random('augmentation'));
      return { state, outputs: { image, label, index: int64(indices) } };
    },
  };
}
