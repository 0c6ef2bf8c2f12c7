/** @file What is here and what is not: the machine, the packages, and every device, each proved by running something. */
import { createRequire } from 'node:module';
import { availableParallelism, freemem, totalmem } from 'node:os';
import { probe } from './probe.js';

/** One finding; the command line prints it. */
export interface Diagnosis {
  readonly subject: string;
  readonly works: boolean;
  readonly says: string;
  readonly because?: readonly string[];
  readonly try?: string;
}

const require = createRequire(import.meta.url);
const OLDEST_NODE = [20, 19] as const;

export async function diagnose(): Promise<Diagnosis[]> {
  const devices = await Promise.all((['cpu', 'cuda', 'webgpu'] as const).map(async (subject) => ({ subject, ...await probe(subject) })));
  return [node(), runtime(), machine(), ...devices, neighbours()];
}

function node(): Diagnosis {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const works = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  return { subject: 'node', works, says: process.versions.node, ...(works ? {} : { try: `Node ${OLDEST_NODE.join('.')} or newer` }) };
}

function runtime(): Diagnosis {
  try {
    const { version } = require('onnxruntime-node/package.json') as { readonly version: string };
    return { subject: 'onnxruntime-node', works: true, says: version };
  } catch {
    return { subject: 'onnxruntime-node', works: false, says: 'is not installed', try: 'npm ci' };
  }
}

function machine(): Diagnosis {
  const gibibytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  return { subject: 'machine', works: true, says: `${availableParallelism()} cores, ${gibibytes(freemem())} of ${gibibytes(totalmem())} memory free` };
}

/** hnswlib-node is compiled at install, and optional. */
function neighbours(): Diagnosis {
  try {
    require('hnswlib-node');
    return { subject: 'hnswlib-node', works: true, says: 'approximate neighbours are available' };
  } catch (error) {
    const lacks = String(error).includes('bindings file') ? 'was not compiled when it was installed' : 'is not installed';
    return {
      subject: 'hnswlib-node', works: false, says: `${lacks}: neighbours are searched exactly, which is slower above 50,000 rows`,
      try: 'npm rebuild hnswlib-node, which needs g++, make, python3 and the headers of Node',
    };
  }
}
