/** @file Clusterers: k-means on features that stay in the session host, its online variant, and the images that stand for clusters. */
import { definePlugin } from '../../engine/index.js';
import { kMeansInstances, randomInstances } from './instances.js';
import { kMeans } from './k-means-node.js';
import { online } from './online.js';

export default definePlugin({ name: 'clusterers', nodes: [kMeans, online, kMeansInstances, randomInstances] });
