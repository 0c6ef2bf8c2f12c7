/** @file Nodes that read the weights of trained networks. */
import { definePlugin } from '../../engine/index.js';
import { features } from './features.js';
import { generateImages } from './generate.js';

export default definePlugin({ name: 'networks', nodes: [generateImages, features] });
