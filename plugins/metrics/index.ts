/** @file Metrics: what a run reports of its samples, and the pictures it shows. */
import { definePlugin } from '../../engine/index.js';
import { classes } from './classes.js';
import { clusters } from './clusters.js';
import { digits } from './digits.js';
import { diversity } from './diversity.js';
import { frechet, prdc } from './feature-nodes.js';
import { similarity } from './instance-similarity.js';
import * as judges from './judges.js';
import { mixture } from './mixture.js';
import { images } from './images.js';
import { inceptionScore } from './score-node.js';

export default definePlugin({
  name: 'metrics', nodes: [mixture, clusters, classes, digits, frechet, prdc, inceptionScore, similarity, images, diversity],
  components: Object.values(judges).map((value) => ({ kind: 'metric', name: value.name, value })),
});
