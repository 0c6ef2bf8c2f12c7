/** @file Self-Conditioned GAN (Liu et al., "Diverse Image Generation via Self-Conditioned GANs", CVPR 2020). */
import { definePlugin } from '../../engine/index.js';
import { label } from './label.js';
import { autoencoder, rotation } from './learners.js';
import { selfConditioned } from './method.js';
import { table1 } from './table1.js';
import { table2 } from './table2.js';

export default definePlugin({
  name: 'self-conditioned-gan',
  requires: ['core', 'networks', 'backbones', 'optimisers', 'clusterers', 'partitioners'],
  methods: [selfConditioned],
  learners: [autoencoder, rotation],
  nodes: [label],
  tables: [table1, table2],
});
