/** @file The digit classifier of the stacked-MNIST metrics: logits of every channel, digits, and the modes they make. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { tensor } from '../../../engine/spec/value.js';
import { add, constant, matmul, relu, reshape } from '../../../engine/tensor/ops/index.js';
import { encode } from '../../../engine/tensor/onnx/encode.js';
import { program } from '../../../engine/tensor/program.js';
import { openClassifier } from '../../../plugins/metrics/digit-classifier.js';
import { modeIds } from '../../../plugins/metrics/digits.js';
import { comparison, tolerances } from '../comparison.js';
import type { Fixture, Kind } from '../fixture.js';

/** The fixture's classifier as an ONNX file: linear layers with ReLU between, dropout off. */
function classifierFile({ arrays }: Fixture, size: number): Uint8Array {
  const layers = [...arrays.keys()].filter((key) => /^C\/model\..*\.weight$/.test(key)).map((key) => key.replace(/\.weight$/, ''));
  const leaf = (key: string) => {
    const { data, dims } = arrays.get(key)!;
    return constant(Float64Array.from(data as Float32Array), 'f32', dims);
  };
  return encode(program('digit classifier', {}, { image: { dtype: 'f32', dims: ['N', 1, size, size] } }, (_, { image }) => {
    let h = reshape(image, ['N', size * size]), feature = h;
    for (const [i, layer] of layers.entries()) {
      feature = h;
      h = add(matmul(h, leaf(`${layer}.weight`), { transposeB: true }), leaf(`${layer}.bias`));
      if (i < layers.length - 1) h = relu(h);
    }
    return { outputs: { feature, logits: h } };
  }));
}

export const digitClassifier: Kind = {
  name: 'digit-classifier',
  matches: ({ manifest, arrays }) => /classifiers\/stacked_mnist/.test(manifest.source) && arrays.has('pred_digits'),
  async check(fixture, host) {
    const { arrays } = fixture, compare = comparison(fixture), { output } = tolerances(fixture);
    const { data, dims: [count = 0, channels = 0, size = 0] } = arrays.get('in/x')!;
    const x = Float32Array.from(data as Float32Array), area = size * size, file = classifierFile(fixture, size);
    const model = await host.open(file);
    try {
      for (let channel = 0; channel < channels; channel++) {
        const plane = Float32Array.from({ length: count * area }, (_, i) => x[(Math.floor(i / area) * channels + channel) * area + (i % area)]!);
        const { logits } = (await model.run({}, { image: tensor('f32', [count, 1, size, size], plane) })).outputs;
        compare.array('logits', `logits_ch${channel}`, (logits as { data: Float32Array }).data, output);
      }
    } finally { await model.release(); }
    const folder = await mkdtemp(path.join(tmpdir(), 'gantry-parity-'));
    await writeFile(path.join(folder, 'classifier.onnx'), file);
    const classifier = await openClassifier(host, { file: path.join(folder, 'classifier.onnx'), feature: 'feature', score: 'logits', resolution: size, range: [-1, 1] });
    try {
      const { digits } = await classifier.read((from, to) => tensor('f32', [to - from, size, size], x.subarray(from * area, to * area)), count * channels, size);
      compare.exact('digits', Int32Array.from(arrays.get('pred_digits')!.data as Int32Array), digits);
      // The reference reads the first channel as units, ours as hundreds like the data's labels: the same modes under other names.
      const reversed = modeIds(digits, channels).map((id) => Number(String(id).padStart(channels, '0').split('').reverse().join('')));
      compare.exact('mode ids', Int32Array.from(arrays.get('mode_id_reference')!.data as Int32Array), reversed);
    } finally {
      await classifier.close();
      await rm(folder, { recursive: true });
    }
    return compare.groups();
  },
};
