/** @file Encoders that partitioners are made of, and partitioners of other runs. */
import { definePlugin } from '../../engine/index.js';
import { partitionerFile } from './file.js';
import { lipschitzResnet } from './lipschitz-resnet.js';
import { pointsLinear, pointsMlp, pointsResidual } from './points.js';
import { resnetSmall } from './resnet-small.js';
import { strided } from './strided.js';

export default definePlugin({ name: 'partitioners', encoders: [lipschitzResnet, resnetSmall, pointsLinear, pointsMlp, pointsResidual, strided], nodes: [partitionerFile] });
