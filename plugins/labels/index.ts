/** @file Labels that do not come from the data: the random-labels baseline, and no labels at all. */
import { definePlugin } from '../../engine/index.js';
import { constant, uniform } from './labels.js';

export default definePlugin({ name: 'labels', nodes: [uniform, constant] });
