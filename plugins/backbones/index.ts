/** @file Pairs of networks that any method can train. */
import { definePlugin } from '../../engine/index.js';
import { biggan } from './biggan.js';
import { dcganDeep, dcganShallow } from './dcgan.js';
import { mlpMaxout } from './mlp-maxout.js';
import { resnet2 } from './resnet2.js';
import { sngan32, sngan48 } from './sngan.js';

export default definePlugin({ name: 'backbones', backbones: [mlpMaxout, dcganShallow, dcganDeep, resnet2, biggan, sngan32, sngan48] });
