/** @file Nodes that read the weights of trained networks. */
import { definePlugin } from '../../engine/index.js';
import { clusterPages } from './cluster-pages.js';
import { features } from './features.js';
import { generateImages } from './generate.js';
import { probe } from './probe.js';
import { savedNetworks } from './saved.js';
import { sheet } from './sheet.js';

export default definePlugin({ name: 'networks', nodes: [generateImages, features, probe, savedNetworks, sheet, clusterPages] });
