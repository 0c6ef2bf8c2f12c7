/** @file Runs of small graphs in a folder of their own, the digits they may need, and what two runs must have in common. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Graph } from '../../engine/dataflow/graph.js';
import { load } from '../../engine/dataflow/load.js';
import { createEngine } from '../../engine/registry/engine.js';
import { PACKAGE } from '../../engine/registry/paths.js';
import { runGraph, type RunOptions, type RunResult } from '../../engine/registry/run-graph.js';
import { keyedRandom } from '../../engine/session/keyed-random.js';
import { reduced } from '../graphs/reduced.js';

type Config = Readonly<Record<string, unknown>>;

export interface Runs {
  readonly path: string;
  /** A graph of the package, made small, with more settings by node; `null` leaves a node out. Written to a file, too. */
  graph(name: string, more?: Readonly<Record<string, Config | null>>): Promise<{ readonly file: string; readonly graph: Graph }>;
  /** Runs a graph in an engine of its own, as a process would. */
  run(graph: Graph, options: RunOptions & { readonly out: string }): Promise<RunResult>;
  /** Bytes of everything in a run directory that must not depend on where it was stopped, by file. */
  bytes(out: string): Readonly<Record<string, string>>;
  remove(): void;
}

export function createRuns(): Runs {
  const path = mkdtempSync(join(tmpdir(), 'gantry-runs-'));
  return {
    path,
    async graph(name, more = {}) {
      const whole = await load(join(PACKAGE, 'graphs', name));
      const kept = { ...whole, nodes: Object.fromEntries(Object.entries(whole.nodes).filter(([id]) => more[id] !== null)) };
      const graph = reduced(kept, more as Readonly<Record<string, Config>>);
      const file = join(path, name.replace(/^.*\//, ''));
      writeFileSync(file, JSON.stringify(graph));
      return { file, graph };
    },
    async run(graph, options) {
      const engine = await createEngine();
      try {
        return await runGraph(engine, { graph, issues: [] }, { ...options, out: join(path, options.out) });
      } finally {
        await engine.close();
      }
    },
    bytes(out) {
      const at = join(path, out), checkpoints = join(at, 'checkpoints'), newest = readdirSync(checkpoints).sort().at(-1)!;
      const pictures = readdirSync(at).includes('pictures') ? readdirSync(join(at, 'pictures')).map((name) => join('pictures', name)) : [];
      const files = [...readdirSync(at).filter((name) => name.endsWith('.onnx')), 'metrics.jsonl', ...pictures, ...readdirSync(join(checkpoints, newest)).map((name) => join('checkpoints', newest, name))];
      return Object.fromEntries(files.sort().map((file) => [file, readFileSync(join(at, file), 'base64')]));
    },
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** Expects two runs to have left the same bytes, and names the files where they did not. */
export function expectSame(got: Readonly<Record<string, string>>, expected: Readonly<Record<string, string>>): void {
  expect(Object.keys(got)).toEqual(Object.keys(expected));
  expect(Object.keys(expected)).toEqual(expect.arrayContaining([expect.stringMatching(/\.onnx$/), expect.stringMatching(/tensors\.safetensors$/), expect.stringMatching(/manifest\.json$/)]));
  expect(Object.keys(expected).filter((file) => got[file] !== expected[file])).toEqual([]);
}

/** Writes IDX files of `count` random digits of `size` x `size` pixels into a folder. */
export function writeDigits(folder: string, count: number, size: number, seed: number): string {
  const random = keyedRandom(seed, 'digits', 0, 'pixels');
  const idx = (dims: readonly number[], bytes: Uint8Array) => {
    const head = Buffer.alloc(4 + 4 * dims.length);
    head.writeUInt32BE(0x0800 | dims.length);
    dims.forEach((n, i) => { head.writeUInt32BE(n, 4 + 4 * i); });
    return Buffer.concat([head, bytes]);
  };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'train-images-idx3-ubyte'), idx([count, size, size], Uint8Array.from(random.integers(count * size * size, 256))));
  writeFileSync(join(folder, 'train-labels-idx1-ubyte'), idx([count], Uint8Array.from({ length: count }, (_, i) => i % 10)));
  return folder;
}
