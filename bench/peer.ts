/** @file A peer process: the same step written for PyTorch, driven a few steps at a time so that both sides can take turns. */
import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Stepper {
  readonly name: string;
  /** Does so many steps and gives the seconds that they took. */
  time(steps: number): Promise<number>;
  close(): Promise<void>;
}

const script = (name: string) => fileURLToPath(new URL(`../../bench/peers/${name}.py`, import.meta.url));

/** Whether this Python has PyTorch; says why not. */
export function missingTorch(python: string): string | undefined {
  const { status, error } = spawnSync(python, ['-c', 'import torch'], { stdio: 'ignore' });
  return error ? `there is no ${python}` : status === 0 ? undefined : `${python} has no torch`;
}

/** Starts a peer; it is warm when this resolves. */
export async function startPeer(python: string, name: string, threads: number, tuned: boolean, flags: readonly string[] = []): Promise<Stepper> {
  const child = spawn(python, [script(name), '--threads', String(threads), ...(tuned ? ['--tuned'] : []), ...flags], {
    stdio: ['pipe', 'pipe', 'inherit'],
    // A PyTorch with OpenBLAS inside takes its threads from here.
    env: { ...process.env, OPENBLAS_NUM_THREADS: String(threads), OMP_NUM_THREADS: String(threads) },
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`the peer ${name} ended early`);
    return JSON.parse(value as string) as { torch?: string; seconds?: number };
  };
  const { torch } = await next();
  return {
    name: `PyTorch ${torch}${tuned ? ', tuned' : ''}, ${threads} thread${threads === 1 ? '' : 's'}`,
    async time(steps) {
      child.stdin.write(`${steps}\n`);
      return (await next()).seconds!;
    },
    close: () => new Promise((resolve) => {
      child.once('close', () => resolve());
      child.stdin.end();
    }),
  };
}
