/** @file Early stopping: the node that says when a run has gone far enough. */
import { z } from 'zod';
import { defineNode, inputError, type Metrics } from '../../engine/index.js';

interface State { readonly best?: number; readonly since: number }

export const patience = defineNode({
  name: 'stop/patience',
  about: 'Ends the run when a metric has not improved for so many evaluations.',
  config: z.strictObject({
    metric: z.string().describe('Its name among the metrics that are wired.'),
    better: z.enum(['lower', 'higher']).default('lower'),
    evaluations: z.int().min(1).describe('How many evaluations in a row may bring no new best; IC-GAN\'s code waits for 50.'),
  }),
  inputs: { metrics: '@metrics' },
  outputs: { stop: '@stop', metrics: '@metrics' },
  start: ({ metric, better, evaluations }) => ({
    state: { since: 0 } as State,
    step({ best, since }, inputs, { node }) {
      const metrics = inputs.metrics as Metrics, value = metrics[metric];
      if (value === undefined) throw inputError(`nodes.${node}.config.metric`, `there is no metric ${metric}; there are ${Object.keys(metrics).join(', ')}`);
      const improved = best === undefined || (better === 'lower' ? value < best : value > best);
      const state: State = improved ? { best: value, since: 0 } : { best, since: since + 1 };
      const enough = state.since >= evaluations;
      return {
        state,
        outputs: {
          metrics: { best: state.best!, evaluations_since_best: state.since },
          ...(enough && { stop: { says: `${metric} has not been ${better} than ${state.best} for ${evaluations} evaluations` } }),
        },
      };
    },
  }),
});
