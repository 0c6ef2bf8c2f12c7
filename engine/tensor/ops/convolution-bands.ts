/**
 * @file The weight gradient of a convolution with a large result, image by image. A patch of all taps would be the largest tensor of the program; here only
 * the taps along a row are gathered, for every row that the kernel meets anywhere. The taps along columns come from the cotangent's side: it is laid out
 * once for each, shifted by as many rows. Images stay apart until their products are added up, so there is little to put in order, and every step runs on
 * all threads (64 channels, 3x3, 64x64, batch 16, 2 threads: 48 ms instead of 92; 32x32 at stride 2, 4x4: 21 instead of 39).
 */
import type { Emitter } from '../op.js';
import type { Plain } from './convolution-rows.js';
import { ints, node, parted, permuted, reshaped, summed, type Name } from './emission.js';

/** Elements of patches that are made at a time: 64 MB. */
const CHUNK = 1 << 24;

/** Sizes of the form: rows of the kernel in steps of the stride, and rows of the result that any of them meets. */
function bands({ image: [channels], result: [out, p, q], kernel: [kh, kw], strides: [stride] }: Plain) {
  const steps = Math.ceil(kh / stride), met = p + steps - 1;
  return { steps, met, seen: stride * kw * channels, sent: steps * out, places: met * q };
}

/** Whether the form fits: the products that are added up must be small beside what they are made of. */
export function inBands(g: Plain): boolean {
  const { seen, sent, places } = bands(g);
  return g.dilations.every((d) => d === 1) && 2 * seen * sent <= places * (seen + sent);
}

export function bandsWeightGradient(emit: Emitter, x: Name, dy: Name, g: Plain): Name {
  const { batch, image: [channels, h, w], result: [out, , q], kernel: [kh, kw], strides: [stride, aside], pads: [top, left] } = g;
  const { steps, met, seen, sent, places } = bands(g), height = stride * met, width = aside * (q - 1) + kw;
  let chunks = Math.min(batch, Math.ceil((batch * places * (seen + sent)) / CHUNK));
  while (batch % chunks) chunks++;
  const images = batch / chunks;

  // Rows of channels, with zeros around, or without what no result reaches.
  const rows = node(emit, 'Pad', [permuted(emit, x, 0, 2, 3, 1), ints(emit, [0, top, left, 0, 0, height - h - top, width - w - left, 0])]), at: number[] = [];
  for (let r = 0; r < met; r++) for (let c = 0; c < q; c++) for (let a = 0; a < stride; a++) for (let b = 0; b < kw; b++) at.push((stride * r + a) * width + aside * c + b);
  const look = emit.constant('i64', [places, stride * kw], at);
  const around = steps > 1 ? node(emit, 'Pad', [dy, ints(emit, [0, 0, steps - 1, 0, 0, 0, steps - 1, 0])]) : dy, shifted: number[] = [];
  for (let t = 0; t < steps; t++) for (let r = 0; r < met; r++) shifted.push(r + steps - 1 - t);
  const shifts = emit.constant('i64', [steps, met], shifted);

  const results = parted(emit, around, chunks, batch, 0), products = parted(emit, reshaped(emit, rows, batch, height * width, channels), chunks, batch, 0).map((part, i) => {
    const patches = reshaped(emit, node(emit, 'Gather', [part, look], { axis: 1 }), images, places, seen);
    const cotangents = reshaped(emit, node(emit, 'Gather', [results[i]!, shifts], { axis: 2 }), images, sent, places);
    return node(emit, 'ReduceSum', [node(emit, 'MatMul', [cotangents, patches]), ints(emit, [0])], { keepdims: 0 });
  });
  const taps = reshaped(emit, summed(emit, products), out, steps * stride, kw, channels);
  return permuted(emit, steps * stride === kh ? taps : node(emit, 'Slice', [taps, ints(emit, [0]), ints(emit, [kh]), ints(emit, [1])]), 0, 3, 1, 2);
}
