/** @file A peer process: the same step by another library, driven a few steps at a time so that both sides can take turns. */
import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { threadsOf, type Stepper } from './stepper.js';

const script = (name: string) => fileURLToPath(new URL(`../../bench/peers/${name}.py`, import.meta.url));

/** Whether this Python has a module; says why not. */
export function missing(python: string, module: string): string | undefined {
  const { status, error } = spawnSync(python, ['-c', `import ${module}`], { stdio: 'ignore' });
  return error ? `there is no ${python}` : status === 0 ? undefined : `${python} has no ${module}`;
}

export const missingTorch = (python: string): string | undefined => missing(python, 'torch');

/** Starts a peer; it is warm when this resolves. */
export async function startPeer(python: string, name: string, threads: number, tuned: boolean, flags: readonly string[] = []): Promise<Stepper> {
  const child = spawn(python, [script(name), '--threads', String(threads), ...(tuned ? ['--tuned'] : []), ...flags], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // A library with OpenBLAS inside takes its threads from here.
    env: { ...process.env, OPENBLAS_NUM_THREADS: String(threads), OMP_NUM_THREADS: String(threads) },
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`the peer ${name} ended early`);
    return JSON.parse(value as string) as { peer?: string; seconds?: number; score?: number };
  };
  const { peer } = await next();
  let last: number | undefined;
  return {
    name: `${peer}${tuned ? ', tuned' : ''}, ${threadsOf(threads)}`,
    pid: child.pid!,
    async time(steps) {
      child.stdin.write(`${steps}\n`);
      const { seconds, score } = await next();
      last = score;
      return seconds!;
    },
    score: () => last,
    close: () => new Promise((resolve) => {
      child.once('close', () => resolve());
      child.stdin.end();
    }),
  };
}
