/** @file Which devices work here: each runs a tiny program in a process of its own, because a driver that fails may take its process along. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Device } from './host.js';

/** What running the tiny program on a device proved, or why it did not run and how to change that. */
export interface Probe {
  readonly works: boolean;
  readonly says: string;
  readonly because?: readonly string[];
  readonly try?: string;
}
/** What the process says: the word `works`, or what ONNX Runtime said. */
export interface Outcome { readonly works: boolean; readonly says: string }

const PATIENCE = 120_000;
const proved = new Map<Device, Promise<Probe>>();

/** Proves a device once in this process. */
export function probe(device: Device): Promise<Probe> {
  const known = proved.get(device) ?? prove(device);
  proved.set(device, known);
  return known;
}

const cudaFile = () =>
  join(dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json')), 'bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so');

async function prove(device: Device): Promise<Probe> {
  const onLinux = process.platform === 'linux' && process.arch === 'x64';
  if (device === 'cuda' && !onLinux) {
    return { works: false, says: `onnxruntime-node offers CUDA on Linux x64, and this is ${process.platform} ${process.arch}`, try: '--device webgpu or cpu' };
  }
  if (device === 'cuda' && !existsSync(cudaFile())) {
    return {
      works: false, says: 'libonnxruntime_providers_cuda.so is not installed',
      because: ['the CUDA files of onnxruntime-node (for CUDA 12) are fetched only on request'], try: 'npm run cuda, then gantry doctor',
    };
  }
  const { outcome, log } = await inProcess(device);
  if (outcome.works) return outcome;
  const libraries = [...new Set([...log.matchAll(/(\S+\.so[.\d]*): cannot open shared object file/g)].map(([, file]) => file!))];
  const because = libraries.map((file) => `${file} is not found`);
  return { works: false, says: outcome.says, because, try: remedy(device) };
}

function remedy(device: Device): string {
  if (device === 'cuda') return 'install an NVIDIA driver, CUDA 12 and cuDNN 9 where the loader finds them (LD_LIBRARY_PATH)';
  if (device === 'webgpu') return "install a Vulkan driver: the graphics card's own, or apt install libvulkan1 mesa-vulkan-drivers (Mesa 25 or newer)";
  return 'npm ci, which installs onnxruntime-node for this machine';
}

/** Runs the tiny program elsewhere; `log` is what native code wrote meanwhile. */
function inProcess(device: Device): Promise<{ readonly outcome: Outcome; readonly log: string }> {
  const script = fileURLToPath(new URL('./probe-process.js', import.meta.url));
  return new Promise((resolve) => execFile(process.execPath, [script, device], { timeout: PATIENCE }, (error, answer, log) => {
    try {
      resolve({ outcome: JSON.parse(answer.trim().split('\n').at(-1) ?? '') as Outcome, log });
    } catch {
      const how = error?.signal ? `was ended by ${error.signal}` : `ended with exit code ${error?.code ?? 0}`;
      const last = log.trim().split('\n').at(-1);
      resolve({ outcome: { works: false, says: `the process that tried it ${how}${last ? `: ${last}` : ''}` }, log });
    }
  }));
}

/** The device that was asked for; of `auto`, the first that works, and why. */
export interface Choice { readonly device: Device; readonly because: readonly string[] }

export async function chooseDevice(wish: Device | 'auto'): Promise<Choice> {
  if (wish !== 'auto') return { device: wish, because: [`${wish} was asked for`] };
  const because: string[] = [];
  for (const device of ['cuda', 'webgpu'] as const) {
    const { works, says } = await probe(device);
    because.push(`${device}: ${says}`);
    if (works) return { device, because };
  }
  return { device: 'cpu', because: [...because, 'cpu: works wherever onnxruntime-node is installed'] };
}
