/** @file Vectors of images, by frozen models: of a whole data set through a store, and of images as they come. */
import { definePlugin } from '../../engine/index.js';
import { images } from './images.js';
import { features, onnx } from './onnx.js';

export default definePlugin({ name: 'extractors', nodes: [features, images], components: [{ kind: 'extractor', name: onnx.name, value: onnx }] });
