/** @file Photos that look the same: saved again at another quality or size. */

/** Rows and columns of a thumbnail. */
export const THUMB = 8;
const AREA = THUMB * THUMB;
/** How far two thumbnails may differ, on average, in 8-bit levels. */
const NEAR = 3;
/** Photos with one outline that are told apart; more of them (blank pages, say) are not compared. */
const MOST = 64;

/** Gathers thumbnails (planes of red, green and blue, 8 x 8) and finds those that differ by next to nothing. */
export interface LookAlikes {
  add(index: number, thumb: Uint8Array): void;
  /** Groups of two and more, by their first index. */
  groups(): number[][];
}

export function createLookAlikes(): LookAlikes {
  const outlines = new Map<string, { readonly thumb: Uint8Array; readonly members: number[] }[]>();
  return {
    add(index, thumb) {
      const outline = outlineOf(thumb), known = outlines.get(outline) ?? [];
      const same = known.find((group) => difference(group.thumb, thumb) <= NEAR);
      if (same) same.members.push(index);
      else if (known.length < MOST) outlines.set(outline, [...known, { thumb, members: [index] }]);
    },
    groups: () => [...outlines.values()].flat().map(({ members }) => members.sort((a, b) => a - b)).filter(({ length }) => length > 1).sort(([a], [b]) => a! - b!),
  };
}

/** Which of two neighbours in a row is brighter, for every pair: 56 bits that saving again leaves as they are. */
function outlineOf(thumb: Uint8Array): string {
  const bright = (i: number) => thumb[i]! + 2 * thumb[AREA + i]! + thumb[2 * AREA + i]!;
  let bits = '';
  for (let i = 0; i < AREA; i++) if (i % THUMB) bits += bright(i) > bright(i - 1) ? '1' : '0';
  return bits;
}

function difference(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i]! - b[i]!);
  return sum / a.length;
}
