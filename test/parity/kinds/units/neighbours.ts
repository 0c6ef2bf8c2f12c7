/** @file Nearest neighbours of raw features, divided by their length, and the distance to the last of them. */
import { transient, tensor } from '../../../../engine/spec/value.js';
import type { Features } from '../../../../engine/training/values.js';
import { searchExactly } from '../../../../plugins/neighbours/exact-search.js';
import { unitVectors } from '../../../../engine/training/unit-vectors.js';
import type { UnitChecker } from '../units.js';

const MEMORY = 1 << 24;

export const nearest: UnitChecker = {
  prefix: 'knn/',
  async check({ arrays }, compare, host) {
    const raw = arrays.get('knn/feats_raw')!, [size = 0, width = 0] = raw.dims, [, k = 0] = arrays.get('knn/sample_nns_k6')!.dims;
    const features: Features = {
      [transient]: true, key: 'knn', size, width, normalised: false, labels: new Int32Array(size), classes: 1, flips: false,
      read: (indices) => tensor('f32', [indices.length, width], Float32Array.from({ length: indices.length * width }, (_, i) => (raw.data as Float32Array)[indices[Math.floor(i / width)]! * width + (i % width)]!)),
    };
    const { index, distance } = await searchExactly(host, await unitVectors(features, MEMORY, 'knn/feats_raw'), { k, memory: MEMORY });
    compare.exact('knn: neighbours', arrays.get('knn/sample_nns_k6')!.data as Int32Array, index);
    const radius = Float32Array.from({ length: size }, (_, i) => distance[i * k + k - 1]!);
    for (const key of ['knn/radius_file', 'knn/radius_sq_check']) compare.array('knn: radius', key, radius, () => 1e-5);
  },
};
