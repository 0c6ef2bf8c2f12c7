/** @file `extractor/onnx`: the vectors of a data set, by any model that comes as an ONNX file. */
import { defineNode, type Dataset, type ExtractorType } from '../../engine/index.js';
import { featuresOf } from './features.js';
import { openExtractor, sizesOf } from './open.js';
import { AllSettings, DatasetSettings, type Settings } from './settings.js';

export const features = defineNode({
  name: 'extractor/onnx',
  about: 'One vector for each image of a data set, by a frozen model given as an ONNX file; extracted once, then found in the store.',
  config: DatasetSettings,
  inputs: { dataset: { latest: '@dataset[L,C,R,R]' } },
  outputs: { features: '@features[M,F]' },
  dims: (config, services) => sizesOf(services, config),
  start(config) {
    let last: Dataset | undefined;
    return {
      state: {},
      async step(state, inputs, { node, services, signal }) {
        const dataset = inputs.dataset as Dataset;
        if (dataset.key === last?.key) return { state, outputs: {} };
        const found = await featuresOf(services, config, dataset, { where: node, signal });
        last = dataset;
        return { state, outputs: { features: found } };
      },
    };
  },
});

/** The part of kind `extractor`. */
export const onnx: ExtractorType<Settings> = {
  name: 'onnx',
  about: 'Any model given as an ONNX file.',
  config: AllSettings,
  open: openExtractor,
  features: featuresOf,
};
