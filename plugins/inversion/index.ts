/** @file Inversion (Liu et al., "Diverse Image Generation via Self-Conditioned GANs", CVPR 2020, section on reconstructions): what a generator can make again, and where it fails. */
import { definePlugin } from '../../engine/index.js';
import { errors } from './errors.js';
import { invertImages } from './invert.js';
import { inverter } from './learner.js';
import { reconstructions } from './sheet.js';

export default definePlugin({
  name: 'inversion',
  requires: ['networks', 'backbones', 'optimisers', 'partitioners'],
  learners: [inverter],
  nodes: [invertImages, errors, reconstructions],
});
