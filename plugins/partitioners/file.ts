/** @file `partitioner/file`: the partitioner that another run trained. */
import { z } from 'zod';
import { defineNode, inputError, openPartitioner, readEncoderFile, type EncoderFile, type Services } from '../../engine/index.js';

const Config = z.strictObject({ file: z.string().min(1).describe('the partitioner.onnx of a run') });

async function read({ file }: z.infer<typeof Config>, services: Services): Promise<EncoderFile> {
  const found = await readEncoderFile(services.resolve(file)), { head, image } = found.network;
  if (head !== 'linear') throw inputError(file, 'it holds an encoder and no partitioner', { try: 'training one from it: "from" of train/partitioner' });
  if (image.length !== 3) throw inputError(file, `its images are [${image}]; images of channels, rows and columns are wanted`);
  return found;
}

export const partitionerFile = defineNode({
  name: 'partitioner/file',
  about: 'A partitioner that was trained in another run, with the images and the number of parts that it was trained for.',
  config: Config,
  inputs: {},
  outputs: { partitioner: '@partitioner[K,C,H,W]' },
  async dims(config, services) {
    const { parts, image: [channels, height, width] } = (await read(config, services)).network;
    return { K: parts, C: channels!, H: height!, W: width! };
  },
  async start(config, { services }) {
    const partitioner = await openPartitioner(services, await read(config, services));
    return { state: {}, initial: () => ({ partitioner }), step: (state) => ({ state, outputs: {} }) };
  },
});
