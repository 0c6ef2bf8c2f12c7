/** @file The operators, by family. */
import type { Op } from '../op.js';
import * as arithmetic from './arithmetic.js';
import { broadcastOp } from './broadcast.js';
import { castOp, clipOp, stopGradientOp, whereOp } from './choice.js';
import { convolutionInputOp, convolutionOp, convolutionWeightOp } from './convolution.js';
import { argMax, argMin, max, min, topKOp } from './extremum.js';
import * as functions from './function.js';
import { gatherOp, scatterAddOp } from './gather.js';
import { concatOp, padOp, sliceOp, splitOp } from './join.js';
import * as logic from './logic.js';
import { matmulOp } from './matmul.js';
import { batchNormaliseOp } from './normalise.js';
import { maxPoolOp, putOp, takeOp, windowSpreadOp, windowSumOp } from './pooling.js';
import { meanOp, sumOp } from './reduce.js';
import { reshapeOp, transposeOp } from './shape.js';
import { logSumExpOp, softmaxOp } from './softmax.js';
import { constantOp, inputOp } from './source.js';

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
export * from './resample.js';
export type { Operand } from './elementwise.js';

const carried = (family: Readonly<Record<string, object>>): Op[] => Object.values(family).flatMap((member) => ('op' in member ? [member.op as Op] : []));

/** Every operator there is. */
export const operators: readonly Op[] = [
  inputOp, constantOp, ...carried(arithmetic), ...carried(functions), functions.leakyReluOp, functions.hardSigmoidOp, ...carried(logic),
  whereOp, clipOp, castOp, stopGradientOp, broadcastOp, sumOp, meanOp, max.op, min.op, argMax.op, argMin.op, topKOp, softmaxOp, logSumExpOp,
  reshapeOp, transposeOp, sliceOp, concatOp, splitOp, padOp, gatherOp, scatterAddOp, matmulOp, batchNormaliseOp,
  convolutionOp, convolutionInputOp, convolutionWeightOp, windowSumOp, windowSpreadOp, maxPoolOp, takeOp, putOp,
];
