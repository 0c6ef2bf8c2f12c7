/** @file Data sets: toy mixtures, IDX files, stacked digits, photos, CIFAR; fresh draws from any of them, and augmentation. */
import { definePlugin } from '../../engine/index.js';
import { augment } from './augment.js';
import { cifar } from './cifar.js';
import { draw } from './draw.js';
import { imageFolder } from './image-folder.js';
import { idx } from './idx.js';
import { mixture } from './mixture.js';
import { stackedDigits } from './stacked-digits.js';
import { imageFolderSurvey } from './survey.js';

export default definePlugin({
  name: 'data', nodes: [mixture, idx, stackedDigits, imageFolder, cifar, draw, augment],
  components: [{ kind: 'survey', name: imageFolderSurvey.name, value: imageFolderSurvey }],
});
