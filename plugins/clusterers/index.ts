/** @file Clusterers: k-means on features that stay in the session host, and its online variant. */
import { definePlugin } from '../../engine/index.js';
import { kMeans } from './k-means-node.js';
import { online } from './online.js';

export default definePlugin({ name: 'clusterers', nodes: [kMeans, online] });
