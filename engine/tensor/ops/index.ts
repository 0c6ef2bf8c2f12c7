/** @file The operators, by family. */
export * from './source.js';
export * from './arithmetic.js';
export * from './function.js';
export * from './logic.js';
export * from './choice.js';
export * from './broadcast.js';
export * from './reduce.js';
export * from './shape.js';
export * from './join.js';
export * from './matmul.js';
export * from './extremum.js';
export * from './softmax.js';
export * from './gather.js';
export * from './normalise.js';
export * from './convolution.js';
export * from './pooling.js';
export * from './resize.js';
export type { Operand } from './elementwise.js';
