/** @file Every kind of fixture that can be checked. */
import type { Kind } from '../fixture.js';
import { agreementMetrics } from './agreement-metrics.js';
import { bigganStep } from './biggan-step.js';
import { clusterer, onlineClusterer } from './clusterer.js';
import { digitClassifier } from './digit-classifier.js';
import { ganStep } from './gan-step.js';
import { lipschitzPartitioner } from './lipschitz-partitioner.js';
import { mixtureMetrics } from './mixture-metrics.js';
import { packedDiscriminator } from './packed-discriminator.js';
import { partitionLosses } from './partition-losses.js';
import { partitionOps } from './partition-ops.js';
import { pointsPartitioner } from './points-partitioner.js';
import { units } from './units.js';

export const kinds: readonly Kind[] = [
  ganStep, bigganStep, clusterer, onlineClusterer, mixtureMetrics, digitClassifier, partitionLosses, partitionOps, pointsPartitioner, lipschitzPartitioner, packedDiscriminator, agreementMetrics, units,
];
