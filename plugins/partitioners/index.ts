/** @file Encoders that partitioners are made of. */
import { definePlugin } from '../../engine/index.js';
import { lipschitzResnet } from './lipschitz-resnet.js';
import { pointsLinear, pointsMlp, pointsResidual } from './points.js';
import { resnetSmall } from './resnet-small.js';

export default definePlugin({ name: 'partitioners', encoders: [lipschitzResnet, resnetSmall, pointsLinear, pointsMlp, pointsResidual] });
