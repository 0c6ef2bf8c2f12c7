/** @file Labels that do not come from the data: the random-labels baseline, no labels at all, and clusters of features. */
import { definePlugin } from '../../engine/index.js';
import { constant, uniform } from './labels.js';
import { nearest } from './nearest.js';

export default definePlugin({ name: 'labels', nodes: [uniform, constant, nearest] });
