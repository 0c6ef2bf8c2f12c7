/** @file Resampling matrices: what every one of them must do, and what the published pipelines do with a photo. */
import path from 'node:path';
import { openSafetensors } from '../../engine/journal/safetensors.js';
import { createWorkerHost } from '../../engine/session/worker-host.js';
import { evaluate } from '../../engine/tensor/evaluate.js';
import { input, resample, RESAMPLERS, resampling } from '../../engine/tensor/ops/index.js';
import { comparison } from '../parity/comparison.js';
import { extractorInput, inceptionInput } from '../parity/kinds/units/extractor-input.js';
import { shared, whenShared } from '../plugins/rig.js';

const rowsOf = (matrix: Float64Array, from: number) => Array.from({ length: matrix.length / from }, (_, i) => Array.from(matrix.subarray(i * from, (i + 1) * from)));

test.each(RESAMPLERS)('%s: rows sum to one, are mirrored by mirroring, and change nothing at equal sizes', (resampler) => {
  for (const [from, to] of [[32, 224], [37, 13], [5, 5], [1, 4], [4, 1]] as const) {
    const rows = rowsOf(resampling(resampler, from, to), from);
    for (const [i, row] of rows.entries()) {
      expect(row.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
      // A corner that falls on a corner has no counterpart when only one pixel is left.
      if (!(to === 1 && resampler.endsWith('-align'))) row.forEach((w, j) => { expect(w).toBeCloseTo(rows[to - 1 - i]![from - 1 - j]!, 12); });
      if (from === to) expect(row.map((w) => Math.round(w * 1e9) / 1e9 + 0)).toEqual(row.map((_, j) => (i === j ? 1 : 0)));
    }
  }
});

test('an antialiased triangle at a third of the size, and twice the size, by hand', () => {
  expect(rowsOf(resampling('bilinear', 4, 2), 4)).toEqual([[3 / 7, 3 / 7, 1 / 7, 0], [0, 1 / 7, 3 / 7, 3 / 7]].map((row) => row.map((w) => expect.closeTo(w, 12))));
  expect(rowsOf(resampling('bilinear', 2, 4), 2)).toEqual([[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]].map((row) => row.map((w) => expect.closeTo(w, 12))));
  expect(rowsOf(resampling('bicubic-align', 3, 5), 3)[1]).toEqual([0.59375 - 0.09375, 0.59375, -0.09375].map((w) => expect.closeTo(w, 12)));
});

test('height and width are apart', () => {
  const x = input('x', { dtype: 'f32', dims: ['N', 1, 2, 3] });
  const [{ dims, data }] = evaluate([resample(x, [4, 3], 'bilinear')], { x: { dims: [1, 1, 2, 3], data: [1, 2, 3, 5, 6, 7] } }) as [{ dims: readonly number[]; data: Float64Array }];
  expect(dims).toEqual([1, 1, 4, 3]);
  expect(Array.from(data)).toEqual([1, 2, 3, 2, 3, 4, 4, 5, 6, 5, 6, 7].map((v) => expect.closeTo(v, 12)));
});

whenShared('the published preparations of a photo, to float32 rounding', async () => {
  const file = await openSafetensors(path.join(shared, 'fixtures/ic-gan/units.safetensors')), host = await createWorkerHost({ threads: 1 });
  try {
    const arrays = new Map();
    for (const key of [...file.tensors.keys()].filter((name) => name.startsWith('prep/'))) arrays.set(key, await file.read(key));
    const fixture = { manifest: { name: 'units', source: '', config: {}, scalars: {}, tensors: [], derived: {} }, arrays }, compare = comparison(fixture);
    for (const checker of [extractorInput, inceptionInput]) await checker.check(fixture, compare, host);
    const groups = compare.groups();
    expect(groups).toHaveLength(3);
    for (const { group, worst } of groups) expect([group, worst < 5e-6]).toEqual([group, true]);
  } finally {
    await file.close();
    await host.close();
  }
});
