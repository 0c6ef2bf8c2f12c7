/** @file Instance-Conditioned GAN (Casanova et al., "Instance-Conditioned GAN", NeurIPS 2021), and BigGAN without instances. */
import { definePlugin } from '../../engine/index.js';
import { flowers } from './flowers.js';
import { icGan } from './method.js';
import { sheet } from './sheet.js';
import { tables } from './tables.js';

export default definePlugin({ name: 'ic-gan', requires: ['core', 'backbones', 'optimisers'], methods: [icGan], nodes: [sheet], tables: [...tables, ...flowers] });
