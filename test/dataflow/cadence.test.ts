/** @file The cadence node: in which waves it ticks. */
import { compose } from '../../engine/dataflow/compose.js';
import { run } from '../../engine/dataflow/run.js';
import { every } from '../../plugins/core/cadence.js';
import type { NodeType } from '../../engine/dataflow/node.js';
import { fakeNode, fakeServices } from './fake.js';

async function ticks(config: object, waves = 10): Promise<number[]> {
  const plan = await compose({ nodes: { now: { type: every as NodeType, config } } }, new Map(), fakeServices());
  const found: number[] = [];
  await run(plan, { waves, services: fakeServices(), onEvent: (event) => { if (event.type === 'wave' && event.outputs.now?.now) found.push(event.wave); } }).done;
  return found;
}

test.each([
  [{ waves: 4 }, [0, 4, 8]],
  [{ waves: 4, at: 'end' }, [3, 7]],
  [{ waves: 4, at: 'end', first: true }, [0, 3, 7]],
  [{ waves: 4, first: false }, [4, 8]],
  [{ waves: 4, until: 8 }, [0, 4]],
  [{ waves: 1, at: 'end', until: 2 }, [0, 1]],
  [{ waves: 1, first: false, until: 3 }, [1, 2]],
  [{ waves: 4, from: 4 }, [4, 8]],
  [{ waves: 4, from: 5 }, [8]],
  [{ waves: 4, at: 'end', from: 4 }, [7]],
  [{ waves: 1, from: 3, until: 6 }, [3, 4, 5]],
  // Before its first wave nothing ticks, whatever `first` says.
  [{ waves: 4, first: true, from: 1 }, [4, 8]],
  [{ waves: 5, at: 'end', first: true, until: 5 }, [0, 4]],
] as const)('%j ticks in %j', async (config, waves) => {
  expect(await ticks(config)).toEqual(waves);
});

test('with a tick of its own it steps only when that comes, and its cadence is known to those behind it', async () => {
  const see = fakeNode('see', { inputs: { now: '@tick' }, step: (state) => ({ state, outputs: {} }) });
  const plan = await compose({
    nodes: {
      slow: { type: every as NodeType, config: { waves: 2 } }, both: { type: every as NodeType, config: { waves: 3 }, in: { tick: 'slow.now' } },
      see: { type: see, in: { now: 'both.now' } },
    },
  }, new Map(), fakeServices());
  expect(plan.nodes.map((node) => node.cadence)).toEqual(['every wave', 'every 2 waves', 'every 3 waves of those (every 2 waves)']);
  const found: number[] = [];
  await run(plan, { waves: 13, services: fakeServices(), onEvent: (event) => { if (event.type === 'wave' && event.outputs.see) found.push(event.wave); } }).done;
  expect(found).toEqual([0, 6, 12]);
});
