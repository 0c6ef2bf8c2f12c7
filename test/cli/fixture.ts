/** @file A folder with a plugin outside the package and a graph that uses it, and the command line run in it. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../engine/cli/main.js', import.meta.url));

/** Written as a user would: from 'gantry', wherever that is. */
const PLUGIN = `
import { defineNode, definePlugin, inputError } from 'gantry';
import { z } from 'zod';

const count = defineNode({
  name: 'test/count', about: 'Counts waves, slowly if it must, and may fail.',
  config: z.strictObject({
    step: z.number().int().default(1).describe('added in every wave'),
    slow: z.number().default(0).describe('milliseconds that a wave takes'),
    failing: z.number().optional().describe('the wave that fails'),
    opens: z.boolean().default(true).describe('whether it starts at all'),
  }),
  inputs: {}, outputs: { value: '@number', metrics: '@metrics' },
  start({ step, slow, failing, opens }) {
    if (!opens) throw inputError('counter', 'it was told not to open');
    return {
      state: 0,
      initial: (state) => ({ value: state }),
      async step(state, _inputs, { wave }) {
        if (wave === failing) throw inputError('counter', 'it was told to fail');
        if (slow) await new Promise((resolve) => setTimeout(resolve, slow));
        return { state: state + step, outputs: { value: state + step, metrics: { n: state + step } } };
      },
    };
  },
});
const sum = defineNode({
  name: 'test/sum', about: 'Adds up what comes.', config: z.strictObject({}),
  inputs: { value: '@number', 'before?': { previous: '@number' } }, outputs: { total: '@number', metrics: '@metrics' },
  start: () => ({
    state: 0,
    step: (state, { value, before = 0 }) => ({ state: state + value, outputs: { total: state + value + before, metrics: { total: state + value } } }),
  }),
});
const table = {
  name: 'test-table', about: 'Counts, as published.', source: 'A paper, table 1', trials: 2,
  metrics: [{ name: 'sum, %', from: 'sum.total', scale: 100, digits: 1 }],
  rows: [
    { row: 'By one', data: 'waves', graph: new URL('graph.json', import.meta.url).pathname, set: { 'count.config.step': 1 }, paper: { 'sum, %': { mean: 21000, se: 0 } } },
    { row: 'By two', data: 'waves', graph: new URL('graph.json', import.meta.url).pathname, paper: {} },
  ],
};
export default definePlugin({ name: 'test', nodes: [count, sum], tables: [table] });
`;

export const GRAPH = {
  gantry: 1, about: 'Counts and adds.', plugins: ['./plugin.mjs'], waves: 20,
  nodes: {
    count: { type: 'test/count', config: { step: 2 } },
    sum: { type: 'test/sum', in: { value: 'count.value', before: 'count.value' } },
  },
};

export interface Outcome { readonly code: number | null; readonly out: string; readonly err: string; readonly events: readonly Readonly<Record<string, unknown>>[] }

export interface Folder {
  readonly path: string;
  write(name: string, content: string | object): void;
  /** Runs gantry in the folder. */
  gantry(...args: string[]): Promise<Outcome>;
  /** Starts gantry in the folder; `ended` settles when it ends. */
  start(...args: string[]): { readonly child: ChildProcess; readonly ended: Promise<Outcome> };
  remove(): void;
}

export function createFolder(): Folder {
  const path = mkdtempSync(join(tmpdir(), 'gantry-cli-'));
  const write: Folder['write'] = (name, content) => writeFileSync(join(path, name), typeof content === 'string' ? content : JSON.stringify(content, null, 2));
  const outcome = (code: number | null, out: string, err: string): Outcome => ({
    code, out, err, events: out.split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>),
  });
  write('plugin.mjs', PLUGIN);
  write('graph.json', GRAPH);
  return {
    path, write,
    gantry: (...args) => new Promise((resolve) => {
      execFile(process.execPath, [MAIN, ...args], { cwd: path }, (error, out, err) => resolve(outcome(error ? Number(error.code ?? -1) : 0, out, err)));
    }),
    start(...args) {
      const child = spawn(process.execPath, [MAIN, ...args], { cwd: path });
      let out = '', err = '';
      child.stdout.on('data', (text) => { out += text; });
      child.stderr.on('data', (text) => { err += text; });
      return { child, ended: new Promise((resolve) => child.on('close', (code) => resolve(outcome(code, out, err)))) };
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}
