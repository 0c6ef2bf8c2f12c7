/** @file The process that tries a device: compiles and runs a tiny program there, and prints what came of it as one line of JSON. */
import { encode } from '../tensor/onnx/encode.js';
import { add, matmul } from '../tensor/ops/index.js';
import { program } from '../tensor/program.js';
import type { Device } from './host.js';
import type { Outcome } from './probe.js';

const square = { dtype: 'f32', dims: [2, 2] } as const;

async function attempt(device: Device): Promise<Outcome> {
  try {
    const { logErrors, open, run, toNative, toValue } = await import('./onnxruntime.js');
    logErrors();
    const tiny = program('probe', {}, { x: square }, (_, { x }) => ({ outputs: { y: add(matmul(x, x), x) } }));
    const session = await open(encode(tiny), { device, threads: 1, optimization: 'basic', memoryPattern: false, sleep: false, fewerProducts: false, asWritten: true });
    const { y } = await run(session, { x: toNative({ dtype: 'f32', dims: [2, 2], data: Float32Array.of(1, 2, 3, 4) }) }, ['y']);
    const answer = [...toValue(y!).data].join();
    return answer === '8,12,18,26' ? { works: true, says: 'works: a small program gave the right answer' } : { works: false, says: `gives ${answer}; 8,12,18,26 is right` };
  } catch (error) {
    const { explain } = await import('./onnxruntime.js').catch(() => ({ explain: String }));
    return { works: false, says: explain(error) };
  }
}

process.stdout.write(`${JSON.stringify(await attempt(process.argv[2] as Device))}\n`);
