/** @file A peer process: the same step by another library, driven a few steps at a time so that both sides can take turns. */
import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { OurSide } from './ours.js';
import { threadsOf, type Stepper } from './stepper.js';

const script = (name: string) => fileURLToPath(new URL(`../../bench/peers/${name}.py`, import.meta.url));

/** Whether this Python has a module; says why not. */
export function missing(python: string, module: string): string | undefined {
  const { status, error } = spawnSync(python, ['-c', `import ${module}`], { stdio: 'ignore' });
  return error ? `there is no ${python}` : status === 0 ? undefined : `${python} has no ${module}`;
}

export const missingTorch = (python: string): string | undefined => missing(python, 'torch');

/** Starts a process that says its name, then for each number of steps the seconds that they took; it is warm when this resolves. */
async function startProcess(what: string, command: string, flags: readonly string[], env: NodeJS.ProcessEnv, note = ''): Promise<Stepper> {
  const child = spawn(command, flags, { stdio: ['pipe', 'pipe', 'inherit'], env });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${what} ended early`);
    return JSON.parse(value as string) as { peer?: string; seconds?: number; score?: number };
  };
  const { peer } = await next();
  let last: number | undefined;
  return {
    name: `${peer}${note}`,
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

/** A peer, by the name of its script. */
export const startPeer = (python: string, name: string, threads: number, tuned: boolean, flags: readonly string[] = []): Promise<Stepper> =>
  startProcess(`the peer ${name}`, python, [script(name), '--threads', String(threads), ...(tuned ? ['--tuned'] : []), ...flags],
    // A library with OpenBLAS inside takes its threads from here.
    { ...process.env, OPENBLAS_NUM_THREADS: String(threads), OMP_NUM_THREADS: String(threads) }, `${tuned ? ', tuned' : ''}, ${threadsOf(threads)}`);

/** Our side, by its name, as a process of its own like the peer's. */
export const startOurs = (name: OurSide, threads: number): Promise<Stepper> =>
  startProcess(name, process.execPath, [fileURLToPath(new URL('./ours.js', import.meta.url)), name, String(threads)], process.env);
