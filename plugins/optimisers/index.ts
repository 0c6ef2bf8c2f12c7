/** @file Update rules that any method can train with. */
import { definePlugin } from '../../engine/index.js';
import { adam } from './adam.js';
import { rmsprop } from './rmsprop.js';
import { sgd } from './sgd.js';

export default definePlugin({ name: 'optimisers', optimisers: [adam, rmsprop, sgd] });
