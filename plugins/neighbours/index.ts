/** @file Neighbours: who is near whom among the vectors of a data set. */
import { definePlugin } from '../../engine/index.js';
import { exact } from './exact.js';
import { hnsw } from './hnsw.js';

export default definePlugin({ name: 'neighbours', nodes: [exact, hnsw] });
