/** @file What every graph may need: cadence. */
import { definePlugin } from '../../engine/index.js';
import { every } from './cadence.js';

export default definePlugin({ name: 'core', nodes: [every] });
