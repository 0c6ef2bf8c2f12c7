/** @file Counter-based random numbers (Philox4x32-10, Salmon et al. 2011): a stream is a function of its key, so there is no generator state to save. */
import { mulhi, philox } from './philox.js';

/** One stream of numbers. Draws advance a counter of its own; the same key gives the same stream again. */
export interface Random {
  /** Uniform in [0,1). */
  uniform(count: number): Float32Array;
  /** Standard normal. */
  normal(count: number): Float32Array;
  /** Integers in 0..below-1. */
  integers(count: number, below: number): Int32Array;
  /** A permutation of 0..count-1. */
  permutation(count: number): Int32Array;
}

const WORD = 2 ** 32;

/**
 * The stream of one name in one wave of one node. Any two keys give unrelated streams, whatever the order in which they are asked.
 * Each draw takes whole blocks of four words, so how much one draw used never shifts the next by part of a block.
 * `seed` and `wave` are integers of up to 53 bits; a stream holds 2^34 words.
 */
export function keyedRandom(seed: number, node: string, wave: number, name: string): Random {
  for (const [what, value] of [['seed', seed], ['wave', wave]] as const) {
    if (!Number.isSafeInteger(value)) throw new RangeError(`random numbers want an integer ${what}, got ${value}`);
  }
  const [key0, key1, salt] = digest(seed, node, name);
  const waveLow = wave >>> 0, waveHigh = Math.floor(wave / WORD) >>> 0;
  let block = 0;
  const words = (count: number): Uint32Array => {
    const blocks = Math.ceil(count / 4);
    const out = philox(new Uint32Array(4 * blocks), block, waveLow, waveHigh, salt, key0, key1);
    block += blocks;
    return out;
  };
  /** Words one at a time, for draws that may reject some. */
  const source = (expected: number): (() => number) => {
    let buffer = words(expected), at = 0;
    return () => {
      if (at === buffer.length) [buffer, at] = [words(64), 0];
      return buffer[at++]!;
    };
  };

  return {
    uniform: (count) => uniforms(words(count), count),
    normal: (count) => normals(words(count + (count & 1)), count),
    integers(count, below) {
      if (!Number.isInteger(below) || below < 1 || below > 2 ** 31) throw new RangeError(`integers want 1 <= below <= 2^31, got ${below}`);
      const next = source(count), out = new Int32Array(count);
      for (let i = 0; i < count; i++) out[i] = integer(next, below);
      return out;
    },
    permutation(count) {
      const next = source(count), order = new Int32Array(count);
      for (let i = 0; i < count; i++) order[i] = i;
      for (let i = count - 1; i > 0; i--) {
        const j = integer(next, i + 1), swapped = order[i]!;
        order[i] = order[j]!;
        order[j] = swapped;
      }
      return order;
    },
  };
}

/** 24 bits are what a float32 in [0,1) holds exactly, so nothing rounds up to 1. */
function uniforms(words: Uint32Array, count: number): Float32Array {
  const out = new Float32Array(count);
  for (let i = 0; i < count; i++) out[i] = (words[i]! >>> 8) * 2 ** -24;
  return out;
}

/** Box and Muller (1958) in float64. The radius takes a uniform in (0,1], so that its logarithm is finite. */
function normals(words: Uint32Array, count: number): Float32Array {
  const out = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = Math.sqrt(-2 * Math.log((words[i]! + 1) / WORD)), angle = 2 * Math.PI / WORD * words[i + 1]!;
    out[i] = radius * Math.cos(angle);
    if (i + 1 < count) out[i + 1] = radius * Math.sin(angle);
  }
  return out;
}

/** An unbiased integer in 0..below-1: the high word of word * below, unless the low word is one of the few too many (Lemire 2019). */
function integer(next: () => number, below: number): number {
  const surplus = WORD % below;
  for (;;) {
    const word = next();
    if (Math.imul(word, below) >>> 0 >= surplus) return mulhi(word, below);
  }
}

/** 96 bits that stand for (seed, node, name): a chain of Philox blocks under the seed, opened by both lengths so that no pair of names is another's. */
function digest(seed: number, node: string, name: string): readonly [number, number, number] {
  const text = node + name;
  const state = philox(new Uint32Array(4), node.length, name.length, 0, 0, seed >>> 0, Math.floor(seed / WORD) >>> 0);
  for (let at = 0; at < text.length; at += 8) {
    const pair = (k: number) => text.charCodeAt(at + k) | text.charCodeAt(at + k + 1) << 16; // past the end: NaN, which counts as 0
    philox(state, state[0]! ^ pair(0), state[1]! ^ pair(2), state[2]! ^ pair(4), state[3]! ^ pair(6), seed >>> 0, Math.floor(seed / WORD) >>> 0);
  }
  return [state[0]!, state[1]!, state[2]!];
}
