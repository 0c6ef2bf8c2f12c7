/** @file The ranges of the settings that optimisers share. */
import { z } from 'zod';

export const decay = z.number().min(0).lt(1);
export const rate = z.number().positive().describe('learning rate before the schedule');
