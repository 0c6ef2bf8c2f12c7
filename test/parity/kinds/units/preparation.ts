/** @file From a photo to a training image: centre crop or squash, Pillow's bilinear resize, the bytes that published HDF5 files hold, and what training reads of them. */
import type { Photo } from '../../../../plugins/data/photo.js';
import { prepare, type Preparation } from '../../../../plugins/data/preparation.js';
import { toUnit } from '../../../../plugins/data/pixels.js';
import type { UnitChecker } from '../units.js';

const SIDE = 32;
const PUBLISHED: Preparation = { resolution: SIDE, crop: 'centre', resampler: 'bilinear', rounding: 'round', colour: 'stored', channels: 3 };
/** Two float32 roundings of numbers up to 1. */
const ROUNDED = 2 ** -22;

export const preparation: UnitChecker = {
  prefix: 'prep/',
  async check({ arrays }, compare) {
    const photo = (key: string): Photo => {
      const { dims: [height = 0, width = 0], data } = arrays.get(key)!;
      return { width, height, raster: { data: Uint8Array.from(data as Uint8Array), start: 0, row: 3 * width, column: 3, channel: 1 } };
    };
    const bytes = async (key: string, changed: Partial<Preparation> = {}): Promise<Uint8Array> => {
      const out = new Uint8Array(3 * SIDE * SIDE);
      await prepare(photo(key), { ...PUBLISHED, ...changed }, out, 0);
      return out;
    };
    const units = (stored: Uint8Array): Float32Array => {
      const out = new Float32Array(stored.length);
      toUnit(stored, 0, out, 0, stored.length);
      return out;
    };
    const stored = await bytes('prep/img_hwc', { rounding: 'truncate' });
    compare.array('preparation: centre crop and resize', 'prep/crop_resize32_float', units(await bytes('prep/img_hwc')), () => ROUNDED);
    compare.exact('preparation: stored bytes, truncated', arrays.get('prep/hdf5_uint8')!.data as Uint8Array, stored);
    compare.array('preparation: what training reads of them', 'prep/train_tensor', units(stored), () => ROUNDED);
    compare.array('preparation: squashed', 'prep/coco_resize_square32', units(await bytes('prep/coco_img_hwc', { crop: 'none' })), () => ROUNDED);
  },
};
