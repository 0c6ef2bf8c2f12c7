/** @file Update rules that any method can train with. */
import { definePlugin } from '../../engine/index.js';
import { adagrad } from './adagrad.js';
import { adam } from './adam.js';
import { rmsprop } from './rmsprop.js';
import { sgd } from './sgd.js';

export default definePlugin({ name: 'optimisers', optimisers: [adagrad, adam, rmsprop, sgd] });
