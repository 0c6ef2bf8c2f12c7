/** @file What every graph may need: when things happen, and when it is enough. */
import { definePlugin } from '../../engine/index.js';
import { every } from './cadence.js';
import { patience } from './patience.js';

export default definePlugin({ name: 'core', nodes: [every, patience] });
