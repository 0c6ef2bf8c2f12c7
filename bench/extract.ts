/** @file Our side of the extraction benchmark: an opened ResNet-50, fed batches as `extractor/onnx` feeds them. A step is a batch of 32 images at 224. */
import { rm, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Services } from '../engine/dataflow/context.js';
import { keyedRandom } from '../engine/session/keyed-random.js';
import { createWorkerHost } from '../engine/session/worker-host.js';
import { tensor } from '../engine/spec/value.js';
import { openExtractor } from '../plugins/extractors/open.js';
import { AllSettings } from '../plugins/extractors/settings.js';
import { resnet50 } from './resnet50.js';
import { startStepper, type Stepper } from './stepper.js';

const BATCH = 32, SIZE = 224;

/** Starts an extractor in a host of `threads` threads; it is warm when this resolves. */
export async function startExtractor(threads: number): Promise<Stepper> {
  const folder = await mkdtemp(path.join(tmpdir(), 'gantry-bench-')), model = path.join(folder, 'resnet50.onnx');
  await writeFile(model, resnet50(SIZE));
  const host = await createWorkerHost({ device: 'cpu', threads }), services = { host, resolve: (file: string) => file } as Services;
  const extractor = await openExtractor(services, AllSettings.parse({ model, batch: BATCH, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }));
  await rm(folder, { recursive: true });
  const image = tensor('f32', [BATCH, 3, SIZE, SIZE], keyedRandom(1, 'bench', 0, 'image').uniform(BATCH * 3 * SIZE * SIZE).map((u) => 2 * u - 1));
  return startStepper(threads, 2, () => extractor.extract(image), {
    close: async () => {
      await extractor.close();
      await host.close();
    },
  });
}
