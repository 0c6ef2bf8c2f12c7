/** @file The vectors of a whole data set: in the store already, or extracted into it while the next images are read. */
import { inputError, type Dataset, type Features, type Services } from '../../engine/index.js';
import { settle, type Model } from './model.js';
import { openExtractor, sizesOf } from './open.js';
import type { Settings } from './settings.js';
import { stored, type Order, type Stored } from './store.js';
import { vectors } from './vectors.js';

export interface FeatureOptions { readonly where?: string; readonly flips?: boolean | undefined; readonly signal?: AbortSignal }

/** Vectors of a data set as the settings want them. `where` begins remarks and progress. */
export async function featuresOf(services: Services, settings: Settings, dataset: Dataset, { where = settings.model, flips = settings.flips, signal }: FeatureOptions = {}): Promise<Features> {
  const model = await settle(services, settings), { F: width } = await sizesOf(services, settings);
  const [channels = 0] = dataset.image.dims, wanted = model.preparation.channels === 'grey' ? 1 : 3;
  if (dataset.image.dims.length !== 3 || (channels !== wanted && channels !== 1)) {
    throw inputError(`model ${model.name}`, `it takes images of ${wanted} channel${wanted === 1 ? '' : 's'}; those of ${dataset.name} are [${dataset.image.dims}]`);
  }
  if (channels < wanted) services.note(`${where}: the images of ${dataset.name} have 1 channel, ${model.name} takes ${wanted}: it is repeated`);
  const one = (mirrored: boolean) => stored(services, orderOf(services, settings, model, dataset, { mirrored, width: width!, where, signal }));
  const files: [Stored, Stored?] = [await one(false)];
  if (flips) files.push(await one(true));
  return vectors(files, { dataset, normalised: settings.normalise, memory: (settings.memory ?? 0) * 2 ** 20 });
}

interface Pass { readonly mirrored: boolean; readonly width: number; readonly where: string; readonly signal: AbortSignal | undefined }

function orderOf(services: Services, settings: Settings, model: Model, dataset: Dataset, { mirrored, width, where, signal }: Pass): Order {
  const { sha256, output, pool, preparation, name } = model;
  return {
    origin: { model: { sha256 }, output: { name: output, pool }, preparation, data: { key: dataset.key }, mirrored },
    names: { model: name, data: dataset.name },
    rows: dataset.size, width, where, signal,
    async produce() {
      const extractor = await openExtractor(services, { ...settings, normalise: false, score: false });
      let ahead: { readonly from: number; readonly images: Promise<Awaited<ReturnType<Dataset['read']>>> } | undefined;
      const read = (from: number) => {
        const images = Promise.resolve(dataset.read(Int32Array.from({ length: Math.min(settings.batch, dataset.size - from) }, (_, i) => from + i)));
        images.catch(() => undefined); // read ahead: whoever waits for it hears of it
        return { from, images };
      };
      return {
        async next(from) {
          const { image } = await (ahead?.from === from ? ahead : read(from)).images;
          const after = from + image.dims[0]!;
          ahead = after < dataset.size ? read(after) : undefined;
          const { feature } = await extractor.extract(image, { mirrored, called: (i) => `image ${from + i} of ${dataset.name}`, ...(signal && { signal }) });
          return feature.data as Float32Array;
        },
        close: () => extractor.close(),
      };
    },
  };
}
