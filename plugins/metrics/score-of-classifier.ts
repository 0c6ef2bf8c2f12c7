/** @file The Inception score (Salimans et al. 2016) of any classifier's class scores: exp of the mean divergence of an image's classes from all images'. */
import { inputError, turns, type TensorValue } from '../../engine/index.js';

export interface ScoreOptions {
  /** Images in all, and the contiguous parts that are scored apart. */
  readonly count: number;
  readonly splits: number;
  /** What becomes of a remainder of count / splits: it is left out, or parts begin at floor(i count / splits) and differ by one image, as Salimans et al. have it. */
  readonly remainder?: 'drop' | 'spread';
  /** What the classifier gives: logits, to which softmax is applied, or probabilities. */
  readonly scores: 'logits' | 'probabilities';
}
export interface ScoreSum {
  /** Adds class scores f32[n,K], in the images' order. */
  add(scores: TensorValue): Promise<void>;
  finish(): { readonly mean: number; readonly std: number };
}

/** Sums for one classifier's scores, called `what` in errors. Holds a few numbers a class and part. */
export function createScore(what: string, { count, splits, remainder = 'drop', scores: kind }: ScoreOptions, signal?: AbortSignal): ScoreSum {
  const turn = turns(signal), starts = Array.from({ length: splits + 1 }, (_, i) => (remainder === 'spread' ? Math.floor((i * count) / splits) : i * Math.floor(count / splits)));
  if (count < splits) throw inputError(what, `there are ${count} images for ${splits} parts; each part wants one at least`, { try: 'fewer splits' });
  // Of every part: the sum over images of p log p, and of p by class.
  const inner = new Float64Array(splits);
  let sums: Float64Array | undefined, classes = 0, done = 0, part = 0;
  return {
    async add({ dims: [rows = 0, width = 0], data }) {
      if (!sums) {
        classes = width;
        sums = new Float64Array(splits * classes);
      }
      if (width !== classes) throw inputError(what, `it gives ${width} classes, ${classes} before`);
      const p = new Float64Array(classes), values = data as Float32Array;
      for (let row = 0; row < rows; row++, done++) {
        if (done === starts[part + 1]) part++;
        if (part >= splits) continue;
        probabilities(values, row * classes, p, kind, `${what}, image ${done}`);
        for (let c = 0; c < classes; c++) {
          if (p[c]! > 0) inner[part]! += p[c]! * Math.log(p[c]!);
          sums[part * classes + c]! += p[c]!;
        }
        await turn();
      }
    },
    finish() {
      if (done < starts[splits]!) throw inputError(what, `${done} of ${count} images were scored`);
      const values = Array.from({ length: splits }, (_, part) => {
        const size = starts[part + 1]! - starts[part]!;
        let outer = 0;
        for (let c = 0; c < classes; c++) { const share = sums![part * classes + c]! / size; if (share > 0) outer += share * Math.log(share); }
        return Math.exp(inner[part]! / size - outer);
      });
      const mean = values.reduce((a, b) => a + b, 0) / splits;
      return { mean, std: Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / splits) };
    },
  };
}

function probabilities(scores: Float32Array, from: number, into: Float64Array, kind: ScoreOptions['scores'], where: string): void {
  const classes = into.length;
  let total = 0;
  if (kind === 'logits') {
    let most = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < classes; c++) most = Math.max(most, scores[from + c]!);
    for (let c = 0; c < classes; c++) {
      into[c] = Math.exp(scores[from + c]! - most);
      total += into[c]!;
    }
  } else {
    for (let c = 0; c < classes; c++) {
      into[c] = scores[from + c]!;
      total += into[c]!;
      if (into[c]! < 0) throw inputError(where, `a class has probability ${into[c]}`, { try: '"scores": "logits"' });
    }
    if (Math.abs(total - 1) > 1e-3) throw inputError(where, `its probabilities sum to ${total.toPrecision(4)}`, { try: '"scores": "logits"' });
  }
  if (!Number.isFinite(total)) throw inputError(where, 'a class score is no finite number');
  for (let c = 0; c < classes; c++) into[c]! /= total;
}
