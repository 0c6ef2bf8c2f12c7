/** @file All cases. A new operator's cases go into its family's file; a test fails until there are some. */
import { arrays } from './arrays.js';
import type { Case } from './case.js';
import { convolutions } from './convolution.js';
import { elementwise } from './elementwise.js';

export const cases: readonly Case[] = [...elementwise, ...arrays, ...convolutions];
