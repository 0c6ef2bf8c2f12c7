/** @file One side of a comparison: a step, done a few times whenever it is its turn. */

export interface Stepper {
  readonly name: string;
  /** The process that does the steps. */
  readonly pid: number;
  /** Does so many steps and gives the seconds that they took. */
  time(steps: number): Promise<number>;
  /** How good the last step's result was, where that may differ. */
  score?(): number | undefined;
  close(): Promise<void>;
}

export const threadsOf = (threads: number): string => `${threads} thread${threads === 1 ? '' : 's'}`;

const timed = async (steps: number, step: () => Promise<unknown>): Promise<number> => {
  const start = performance.now();
  for (let i = 0; i < steps; i++) await step();
  return (performance.now() - start) / 1000;
};

/** Our side, in this process; it is warm, by so many steps, when this resolves. */
export async function startStepper(threads: number, warm: number, step: () => Promise<unknown>, more: Pick<Stepper, 'close' | 'score'>): Promise<Stepper> {
  await timed(warm, step);
  return { name: `gantry, ${threadsOf(threads)}`, pid: process.pid, time: (steps) => timed(steps, step), ...more };
}
