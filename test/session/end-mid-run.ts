/** @file A process that ends while its session host runs a program; run by exit-guard.test.ts. It never ends with 99 unless the run was too short. */
import { createWorkerHost } from '../../engine/session/worker-host.js';
import { matmul, sum } from '../../engine/tensor/ops/index.js';
import { program } from '../../engine/tensor/program.js';

const type = { dtype: 'f32', dims: [1024, 1024] } as const;
const slow = program('slow', {}, { x: type }, (_, { x }) => ({
  outputs: { y: sum(Array.from({ length: 30 }).reduce<typeof x>((y) => matmul(y, x), x)) },
}));
const host = await createWorkerHost();
const busy = await host.compile(slow);
const run = busy.run({}, { x: { ...type, data: new Float32Array(1024 * 1024) } });
const [how] = process.argv.slice(2);
if (how === 'idle') await run; // and then ends, although nobody closed the host
else void run.then(() => process.exit(99));
if (how === 'exit') setTimeout(() => process.exit(17), 100);
if (how === 'error') setTimeout(() => { throw new Error('an error nobody caught'); }, 100);
