/**
 * @file Convolutions in ONNX: which form each one takes. The choice depends on sizes alone, so that a program always becomes the same file.
 *
 * Times in this folder are of one thread of an AMD EPYC (AVX-512) at batch 64 in ONNX Runtime 1.30, whose matrix products reach 150 to 190 GF/s there
 * and whose own convolutions between 12 GF/s (2x2 results) and 190 (16x16 and more).
 */
import type { Emitter } from '../op.js';
import type { Geometry } from './convolution-geometry.js';
import { bandsWeightGradient, inBands } from './convolution-bands.js';
import { fewResults, fewResultsConvolution, fewResultsWeightGradient } from './convolution-few-results.js';
import { inTiles, tilesConvolution, tilesInputGradient, tilesWeightGradient } from './convolution-tiles.js';
import { phasesInputGradient } from './convolution-phases.js';
import { rowsConvolution, rowsWeightGradient, type Plain } from './convolution-rows.js';
import { ints, joined, node, parted, permuted, reshaped, type Name } from './emission.js';

/** Programs for any batch keep ONNX's own nodes: they are exported, and every runtime knows how to run them best. */
const plain = (g: Geometry): g is Plain => typeof g.batch === 'number' && g.groups === 1;

/** Runs of memory shorter than this are not worth gathering. */
const FEW_CHANNELS = 16;
/** Runs that are worth gathering at any size. */
const MANY_CHANNELS = 64;
/** Results of more positions fill a matrix product image by image, as ONNX Runtime's own nodes do it (3x3 of 256 channels at 16x16: 26 ms, in rows 31; at 8x8 48 and 26). */
const SMALL_RESULT = 128;

const small = ({ result: [, p, q] }: Plain) => p * q <= SMALL_RESULT;
const inRows = (g: Plain) => small(g) && g.image[0] >= FEW_CHANNELS;

/** `bias`: one number for each channel of the result, which ONNX's own node adds as it writes. */
export function lowerConvolution(emit: Emitter, x: Name, w: Name, g: Geometry, bias?: Name): Name {
  const plus = (y: Name) => (bias === undefined ? y : node(emit, 'Add', [y, reshaped(emit, bias, 1, g.result[0], 1, 1)]));
  if (plain(g)) {
    if (fewResults(g)) return plus(fewResultsConvolution(emit, x, w, g));
    if (inTiles(g)) return plus(tilesConvolution(emit, x, w, g));
    if (inRows(g)) return plus(rowsConvolution(emit, x, w, g));
  }
  return node(emit, 'Conv', bias === undefined ? [x, w] : [x, w, bias], windowAttributes(g));
}

export function lowerInputGradient(emit: Emitter, dy: Name, w: Name, g: Geometry): Name {
  if (plain(g)) {
    if (inTiles(g)) return tilesInputGradient(emit, dy, w, g);
    const back = reversed(g);
    if (back && inRows(back) && !fewResults(back)) return rowsConvolution(emit, dy, w, back, true);
    if (back) return lowerConvolution(emit, dy, flipped(emit, w, g), back);
    if (g.image[0] >= (small(g) ? FEW_CHANNELS : MANY_CHANNELS)) return phasesInputGradient(emit, dy, w, g);
  }
  const { image, result, kernel, strides, pads, dilations } = g;
  // Rows and columns that a strided forward pass did not reach at the far side.
  const rest = (i: 0 | 1) => image[i + 1]! - ((result[i + 1]! - 1) * strides[i] - pads[i] - pads[i + 2]! + dilations[i] * (kernel[i] - 1) + 1);
  return node(emit, 'ConvTranspose', [dy, w], { ...windowAttributes(g), output_padding: [rest(0), rest(1)] });
}

export function lowerWeightGradient(emit: Emitter, x: Name, dy: Name, g: Geometry): Name {
  if (plain(g)) {
    if (fewResults(g)) return fewResultsWeightGradient(emit, x, dy, g);
    if (inTiles(g)) return tilesWeightGradient(emit, x, dy, g);
    return (!small(g) && inBands(g) ? bandsWeightGradient : rowsWeightGradient)(emit, x, dy, g);
  }
  const { groups, image, result } = g, images = parted(emit, x, groups, image[0], 1), results = parted(emit, dy, groups, result[0], 1);
  const one: Geometry = { ...g, groups: 1, image: [image[0] / groups, image[1], image[2]], result: [result[0] / groups, result[1], result[2]] };
  if (plain(one)) return joined(emit, images.map((part, i) => lowerWeightGradient(emit, part, results[i]!, one)), 0);
  return joined(emit, images.map((part, i) => swappedConvolution(emit, part, results[i]!, one)), 0);
}

const windowAttributes = ({ strides, pads, dilations, groups, kernel }: Geometry) =>
  ({ strides, pads, dilations, group: groups, kernel_shape: kernel });

/** The input gradient at stride 1 is a convolution of the cotangent, with what the padding leaves of the kernel's reach around it. */
function reversed(g: Plain): Plain | undefined {
  const around = g.pads.map((pad, i) => g.dilations[i % 2]! * (g.kernel[i % 2]! - 1) - pad);
  if (g.strides.some((s) => s !== 1) || around.some((pad) => pad < 0)) return undefined;
  return { ...g, image: g.result, result: g.image, pads: around as unknown as Plain['pads'] };
}

/** Kernels `[O,C,kh,kw]` as `[C,O,kh,kw]` with their taps in reverse. */
function flipped(emit: Emitter, w: Name, { image: [channels], result: [out], kernel: [kh, kw] }: Plain): Name {
  if (kh * kw === 1) return permuted(emit, w, 1, 0, 2, 3);
  const taps = permuted(emit, reshaped(emit, w, out, channels, kh * kw), 2, 1, 0);
  const last = ints(emit, Array.from({ length: kh * kw }, (_, i) => kh * kw - 1 - i));
  return reshaped(emit, permuted(emit, node(emit, 'Gather', [taps, last], { axis: 0 }), 1, 2, 0), channels, out, kh, kw);
}

/** The weight gradient for any batch: batch and channels change places, strides and dilations do too, and the cotangent is the kernel. */
function swappedConvolution(emit: Emitter, x: Name, dy: Name, { kernel, strides, pads, dilations }: Geometry): Name {
  const full = node(emit, 'Conv', [permuted(emit, x, 1, 0, 2, 3), permuted(emit, dy, 1, 0, 2, 3)], { strides: dilations, dilations: strides, pads });
  // What a strided forward pass did not reach gives windows too many.
  return permuted(emit, node(emit, 'Slice', [full, ints(emit, [0, 0]), ints(emit, kernel), ints(emit, [2, 3])]), 1, 0, 2, 3);
}
