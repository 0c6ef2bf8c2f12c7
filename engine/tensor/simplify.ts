/** @file Passes over a program. */
import type { Program } from './program.js';

export const simplify = (program: Program): Program => program;
