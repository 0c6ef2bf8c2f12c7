/** @file The settings that optimisers share. */
import { z } from 'zod';
import { add, mul, type Tensor } from '../../engine/index.js';

export const decay = z.number().min(0).lt(1);
export const rate = z.number().positive().describe('learning rate before the schedule');
export const weightDecay = z.number().min(0).default(0).describe("L2 penalty as torch's: this multiple of the parameters is added to the gradient");

/** The gradient with the L2 penalty's. */
export const decayed = (gradient: Tensor, parameters: Tensor, weightDecay: number): Tensor =>
  weightDecay === 0 ? gradient : add(gradient, mul(parameters, weightDecay));
