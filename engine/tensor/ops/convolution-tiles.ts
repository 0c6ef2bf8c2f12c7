/**
 * @file 3 x 3 convolutions of stride 1 with a quarter of the products (`minimal-filtering`): tiles of 4 x 4 results, each of whose 36 places is a product over all channels. One matrix, zeros
 * around the image included, takes whole images to the places of all their tiles, and one takes places back to results. So nothing is cut out or changes places, and each of the three forms
 * is the others' transposition: they share what they transform. That pays for small images, where the matrix is small (one thread, batch 64, all three forms: 128 -> 128 channels at 8x8 20 ms
 * instead of 43, 64 -> 64 8 instead of 15, at 4x4 2.5 instead of 4.3). Large images want a matrix for each axis, or tiles gathered first: both were tried at 16x16 and 32x32, and their
 * passes over memory cost what the products save.
 */
import type { Emitter } from '../op.js';
import { filtered, G, PLACES, RESULTS, TAPS, type Matrix } from '../minimal-filtering.js';
import type { Plain } from './convolution-rows.js';
import { node, permuted, reshaped, type Name } from './emission.js';

const SQUARE = PLACES * PLACES;
/** What a product of the small matrices costs, in products over channels. */
const SMALL = 0.5;
/** What making and reading an element of the transformed kernels costs, in the same. */
const KERNEL = 100;
/** The share of the direct form's products that is worth a change. */
const WORTHWHILE = 0.9;

/** Whether the form fits, and pays. */
export function inTiles({ batch, image: [channels, h, w], result: [out, p, q], kernel, strides, dilations }: Plain): boolean {
  if (kernel.some((k) => k !== TAPS) || [...strides, ...dilations].some((n) => n !== 1)) return false;
  const places = SQUARE * Math.ceil(p / RESULTS) * Math.ceil(q / RESULTS), pairs = channels * out;
  return places * (pairs + SMALL * (channels * h * w + out * p * q)) + (SQUARE * KERNEL * pairs) / batch <= WORTHWHILE * TAPS * TAPS * p * q * pairs;
}

const products = (a: Matrix, b: Matrix): Matrix => a.flatMap((x) => b.map((y) => x.flatMap((u) => y.map((v) => u * v))));
const turned = (m: Matrix): Matrix => m[0]!.map((_, i) => m.map((row) => row[i]!));
const written = (emit: Emitter, m: Matrix): Name => emit.constant('f32', [m.length, m[0]!.length], Float32Array.from(m.flat()));

/** Both axes' matrices `[6 tiles, n]` as one over whole images: its rows ordered by place in the tile, then by tile. */
function whole(y: Matrix, x: Matrix): Matrix {
  const both = products(y, x), down = y.length / PLACES, across = x.length / PLACES, lines: (readonly number[])[] = [];
  for (let a = 0; a < PLACES; a++) for (let b = 0; b < PLACES; b++) for (let t = 0; t < down; t++) for (let u = 0; u < across; u++) lines.push(both[(a * down + t) * x.length + b * across + u]!);
  return lines;
}
/** The matrix that takes images to places, `[36 tiles, H W]`, and the one that takes cotangents there, `[36 tiles, P Q]`. */
function matrices(emit: Emitter, { image: [, h, w], result: [, p, q], pads: [top, left] }: Plain): { readonly image: Name; readonly result: Name } {
  const y = filtered(h, p, top), x = filtered(w, q, left);
  return { image: written(emit, whole(y.there, x.there)), result: written(emit, whole(turned(y.back), turned(x.back))) };
}

/** Images `[b,C,H,W]` at all places, `[36, tiles b, C]`, and their transposition: images from places. */
const toPlaces = (emit: Emitter, m: Name, x: Name, [channels, h, w]: Plain['image']): Name =>
  reshaped(emit, node(emit, 'Gemm', [m, reshaped(emit, x, -1, h * w)], { transB: 1 }), SQUARE, -1, channels);
const fromPlaces = (emit: Emitter, m: Name, places: Name, batch: number, [channels, h, w]: Plain['image']): Name =>
  reshaped(emit, node(emit, 'Gemm', [reshaped(emit, places, -1, batch * channels), m], { transA: 1 }), batch, channels, h, w);
const taps = (emit: Emitter): Name => written(emit, products(G, G));

export function tilesConvolution(emit: Emitter, x: Name, w: Name, g: Plain): Name {
  const { batch, image, result } = g, m = matrices(emit, g), channels = image[0], out = result[0];
  const kernels = node(emit, 'Gemm', [taps(emit), reshaped(emit, permuted(emit, w, 2, 3, 1, 0), TAPS * TAPS, channels * out)]);
  const places = node(emit, 'MatMul', [toPlaces(emit, m.image, x, image), reshaped(emit, kernels, SQUARE, channels, out)]);
  return fromPlaces(emit, m.result, places, batch, result);
}

export function tilesInputGradient(emit: Emitter, dy: Name, w: Name, g: Plain): Name {
  const { batch, image, result } = g, m = matrices(emit, g), channels = image[0], out = result[0];
  const kernels = node(emit, 'Gemm', [taps(emit), reshaped(emit, w, out * channels, TAPS * TAPS)], { transB: 1 });
  const places = node(emit, 'MatMul', [toPlaces(emit, m.result, dy, result), reshaped(emit, kernels, SQUARE, out, channels)]);
  return fromPlaces(emit, m.image, places, batch, image);
}

export function tilesWeightGradient(emit: Emitter, x: Name, dy: Name, g: Plain): Name {
  const { image, result } = g, m = matrices(emit, g), channels = image[0], out = result[0];
  const images = toPlaces(emit, m.image, x, image), cotangents = toPlaces(emit, m.result, dy, result);
  // The smaller of the two is laid out again: stacked products know no transposition.
  const across = out > channels, places = node(emit, 'MatMul', across ? [permuted(emit, images, 0, 2, 1), cotangents] : [permuted(emit, cotangents, 0, 2, 1), images]);
  const kernels = node(emit, 'Gemm', [taps(emit), reshaped(emit, places, SQUARE, channels * out)], { transA: 1 });
  return across ? permuted(emit, reshaped(emit, kernels, TAPS, TAPS, channels, out), 3, 2, 0, 1) : permuted(emit, reshaped(emit, kernels, TAPS, TAPS, out, channels), 2, 3, 0, 1);
}
