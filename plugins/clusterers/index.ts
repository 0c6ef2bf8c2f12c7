/** @file Clusterers: k-means on features that stay in the session host, its online variant, what becomes of clusters, and the images that stand for them. */
import { definePlugin } from '../../engine/index.js';
import { history } from './history.js';
import { kMeansInstances, randomInstances } from './instances.js';
import { kMeans } from './k-means-node.js';
import { online } from './online.js';

export default definePlugin({ name: 'clusterers', nodes: [kMeans, online, history, kMeansInstances, randomInstances] });
