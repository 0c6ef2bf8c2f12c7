/** @file Pairs of networks that any method can train. */
import { definePlugin } from '../../engine/index.js';
import { biggan } from './biggan.js';
import { dcganShallow } from './dcgan-shallow.js';
import { mlpMaxout } from './mlp-maxout.js';
import { sngan32, sngan48 } from './sngan.js';

export default definePlugin({ name: 'backbones', backbones: [mlpMaxout, dcganShallow, biggan, sngan32, sngan48] });
