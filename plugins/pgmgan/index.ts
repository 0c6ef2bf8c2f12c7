/** @file Partition-Guided GAN (Armandpour et al., "Partition-Guided GANs", CVPR 2021). */
import { definePlugin } from '../../engine/index.js';
import { accepted } from './accepted.js';
import { batches } from './batches.js';
import { label } from './label.js';
import { classifier, contrastive, partitioner } from './learners.js';
import { pgmgan } from './method.js';
import { surface } from './surface.js';
import { sweeps, toy } from './toy.js';

export default definePlugin({
  name: 'pgmgan',
  requires: ['core', 'networks', 'backbones', 'optimisers', 'clusterers', 'partitioners'],
  methods: [pgmgan],
  learners: [classifier, contrastive, partitioner],
  nodes: [label, batches, accepted, surface],
  tables: [toy, sweeps],
});
