/** @file Weights of a long-tailed data set's images: inverse frequency and temperature, from the number of images of each class. */
import { classMasses } from '../../../../plugins/samplers/balance.js';
import type { UnitChecker } from '../units.js';

export const longTail: UnitChecker = {
  prefix: 'longtail/',
  check({ arrays }, compare) {
    const counts = Array.from(arrays.get('longtail/samples_per_class')!.data as Int32Array);
    const each = (masses: Float64Array) => Array.from(masses, (mass, c) => mass / counts[c]!);
    const share = () => 1e-6;
    const total = counts.reduce((a, b) => a + b);
    compare.array('longtail: shares of classes', 'longtail/class_prob', counts.map((n) => n / total), share);
    compare.array('longtail: inverse frequency', 'longtail/instance_weights_balanced_first_of_class', each(classMasses(counts, 'inverse-frequency', 1)), share);
    compare.array('longtail: temperature 2', 'longtail/instance_weights_T2_first_of_class', each(classMasses(counts, 'temperature', 2)), share);
  },
};
