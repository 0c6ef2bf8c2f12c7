/** @file `partitioner/file`: the partitioner that another run trained. */
import { z } from 'zod';
import { defineNode, exists, inputError, openPartitioner, readEncoderFile, type EncoderFile, type Services } from '../../engine/index.js';

const count = z.int().positive(), STATED = 'Wanted only of a graph that is to compose where the file is not yet.';
const Config = z.strictObject({
  file: z.string().min(1).describe('the partitioner.onnx of a run'),
  parts: count.optional().describe(`how many parts it has. ${STATED}`),
  image: z.tuple([count, count, count]).optional().describe(`channels, rows and columns of its images. ${STATED}`),
});
type Settings = z.infer<typeof Config>;
type Sizes = Readonly<Record<'K' | 'C' | 'H' | 'W', number>>;

const sizes = (parts: number, [channels, height, width]: readonly number[]): Sizes => ({ K: parts, C: channels!, H: height!, W: width! });

/** The file's partitioner. Throws an InputError where it holds none, or another one than the settings say. */
async function read({ file, parts, image: stated }: Settings, services: Services): Promise<EncoderFile> {
  const found = await readEncoderFile(services.resolve(file)), { head, image, parts: has } = found.network;
  if (head !== 'linear') throw inputError(file, 'it holds an encoder and no partitioner', { try: 'training one from it: "from" of train/partitioner' });
  if (image.length !== 3) throw inputError(file, `its images are [${image}]; images of channels, rows and columns are wanted`);
  if (parts !== undefined && parts !== has) throw inputError(file, `it has ${has} parts; "parts" says ${parts}`);
  if (stated?.some((size, axis) => size !== image[axis])) throw inputError(file, `its images are [${image}]; "image" says [${stated}]`);
  return found;
}

export const partitionerFile = defineNode({
  name: 'partitioner/file',
  about: 'A partitioner that was trained in another run, with the images and the number of parts that it was trained for.',
  config: Config,
  inputs: {},
  outputs: { partitioner: '@partitioner[K,C,H,W]' },
  async dims(config, services) {
    // A graph that states the sizes composes where the partitioner is not trained yet; its start wants the file.
    const { file, parts, image } = config;
    if (parts !== undefined && image && !(await exists(services.resolve(file)))) return sizes(parts, image);
    const { network } = await read(config, services);
    return sizes(network.parts, network.image);
  },
  async start(config, { services }) {
    const partitioner = await openPartitioner(services, await read(config, services));
    return { state: {}, initial: () => ({ partitioner }), step: (state) => ({ state, outputs: {} }) };
  },
});
