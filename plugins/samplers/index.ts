/** @file How batches are drawn where that is more than one image after the other. */
import { definePlugin } from '../../engine/index.js';
import { instances } from './instances.js';
import { pairs } from './pairs.js';

export default definePlugin({ name: 'samplers', nodes: [instances, pairs] });
