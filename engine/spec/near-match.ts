/** @file Suggestions for misspelt names: the nearest by Damerau-Levenshtein distance (optimal string alignment), if it is near. */

/** Insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`. */
export function distance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => Array.from({ length: b.length + 1 }, (_, j) => (i === 0 ? j : j === 0 ? i : 0)));
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min(rows[i - 1]![j]! + 1, rows[i]![j - 1]! + 1, rows[i - 1]![j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) best = Math.min(best, rows[i - 2]![j - 2]! + 1);
      rows[i]![j] = best;
    }
  }
  return rows[a.length]![b.length]!;
}

/**
 * The name among `names` that the author probably meant, or `undefined`. Near is a third of the letters wrong at most; a name's last part
 * (`k-means` of `clusterer/k-means`) counts as well, because families are what people forget.
 */
export function nearMatch(name: string, names: Iterable<string>): string | undefined {
  const wanted = name.toLowerCase();
  let best: { readonly name: string; readonly wrong: number } | undefined;
  for (const candidate of names) {
    const spelling = candidate.toLowerCase();
    const tail = spelling.slice(spelling.lastIndexOf('/') + 1);
    const wrong = Math.min(distance(wanted, spelling), distance(wanted.slice(wanted.lastIndexOf('/') + 1), tail) + 0.5);
    if (wrong <= Math.max(1.5, wanted.length / 3) && wrong < wanted.length && (!best || wrong < best.wrong)) best = { name: candidate, wrong };
  }
  return best?.name;
}

/** `"k-means"`, or `"k-means" or "online"`: names in quotes, for a remedy or a list of what is at hand. */
export const listNames = (names: Iterable<string>): string => [...names].map((name) => `"${name}"`).join(', ') || 'none';
