/** @file Memory of released tensors, lent again for new ones of the same sizes: fresh memory would be cleared, and brought in page by page. */
import { blank, dtypeOf, type NativeTensor } from './onnxruntime.js';
import type { Sized } from './protocol.js';

/** Runs after which memory that nothing took is let go. */
const PATIENCE = 16;

export interface Memory {
  /** A tensor whose elements are about to be written. */
  lend(sized: Sized): NativeTensor;
  /** A tensor that nothing refers to any more, lent or not. */
  giveBack(tensor: NativeTensor): void;
  /** A run is over. */
  tick(): void;
}

const spell = ({ dtype, dims }: Sized) => `${dtype}[${dims}]`;

export function createMemory(): Memory {
  const lent = new Set<NativeTensor>(), spare = new Map<string, { readonly tensor: NativeTensor; readonly since: number }[]>();
  let runs = 0;
  return {
    lend(sized) {
      const tensor = spare.get(spell(sized))?.pop()?.tensor ?? blank(sized);
      lent.add(tensor);
      return tensor;
    },
    giveBack(tensor) {
      if (!lent.delete(tensor)) return;
      const key = spell({ dtype: dtypeOf(tensor), dims: tensor.dims }), found = spare.get(key) ?? [];
      spare.set(key, found);
      found.push({ tensor, since: runs });
    },
    tick() {
      runs++;
      for (const [key, found] of spare) {
        const young = found.filter(({ since }) => since > runs - PATIENCE);
        if (young.length) spare.set(key, young);
        else spare.delete(key);
      }
    },
  };
}
