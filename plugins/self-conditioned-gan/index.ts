/** @file Self-Conditioned GAN (Liu et al., "Diverse Image Generation via Self-Conditioned GANs", CVPR 2020). */
import { definePlugin } from '../../engine/index.js';
import { label } from './label.js';
import { autoencoder, rotation } from './learners.js';
import { mgan } from './mgan.js';
import { selfConditioned } from './method.js';
import { figure3 } from './figure3.js';
import { table1 } from './table1.js';
import { table2 } from './table2.js';

export default definePlugin({
  name: 'self-conditioned-gan',
  requires: ['core', 'networks', 'backbones', 'optimisers', 'clusterers', 'partitioners'],
  methods: [selfConditioned, mgan],
  learners: [autoencoder, rotation],
  nodes: [label],
  tables: [table1, table2, figure3],
});
