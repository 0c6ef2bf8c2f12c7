/** @file Every kind of fixture that can be checked. */
import type { Kind } from '../fixture.js';
import { ganStep } from './gan-step.js';

export const kinds: readonly Kind[] = [ganStep];
