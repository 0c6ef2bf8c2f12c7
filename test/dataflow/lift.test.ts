/** @file A lifted program steps in waves, its state carried from one to the next. */
import { compose } from '../../engine/dataflow/compose.js';
import type { Services } from '../../engine/dataflow/context.js';
import { lift } from '../../engine/dataflow/lift.js';
import { defineNode, type NodeType } from '../../engine/dataflow/node.js';
import { run } from '../../engine/dataflow/run.js';
import { createWorkerHost } from '../../engine/session/worker-host.js';
import { tensor, type TensorValue } from '../../engine/spec/value.js';
import { add } from '../../engine/tensor/ops/index.js';
import { program } from '../../engine/tensor/program.js';
import { z } from 'zod';

const sum = program('running sum', { total: { dtype: 'f32', dims: [2] } }, { x: { dtype: 'f32', dims: [2] } }, ({ total }, { x }) => {
  const next = add(total, x);
  return { next: { total: next }, outputs: { sum: add(next, 0) } };
});
const counter = defineNode({
  name: 'test/counter', about: 'The wave, twice.', config: z.strictObject({}), inputs: {}, outputs: { x: 'f32[2]' },
  start: () => ({ state: 0, step: (n: number) => ({ state: n + 1, outputs: { x: tensor('f32', [2], Float32Array.of(n, n)) } }) }),
});

test('a program with state is a node', async () => {
  const host = await createWorkerHost({ device: 'cpu', threads: 1 });
  try {
    const services = { host, note: () => {}, progress: () => {} } as unknown as Services;
    const lifted = lift('test/sum', 'Sums what comes.', sum, { total: tensor('f32', [2], Float32Array.of(10, 20)) });
    const types = new Map<string, NodeType>([['test/counter', counter as NodeType], ['test/sum', lifted]]);
    const plan = await compose({ gantry: 1, nodes: { count: { type: 'test/counter' }, sum: { type: 'test/sum', in: { x: 'count.x' } } } }, types, services);
    const seen: number[][] = [];
    await run(plan, {
      waves: 4, services,
      onEvent: (event) => { if (event.type === 'stepped' && event.node === 'sum') seen.push(Array.from((event.outputs.sum as TensorValue).data as Float32Array)); },
    }).done;
    expect(seen).toEqual([[10, 20], [11, 21], [13, 23], [16, 26]]);
  } finally { await host.close(); }
});

test('a state without a first value is refused', () => {
  expect(() => lift('test/sum', 'Sums what comes.', sum)).toThrow('test/sum: state total has no first value');
});
