/** @file A session host that starts when something first needs it: whoever only composes a graph never starts a thread, nor loads ONNX Runtime. */
import type { Device, SessionHost } from '../session/host.js';

/** `device` is checked, and chosen if it is `auto`, at the start; what was chosen and why goes to `note`. */
export function lazyHost(device: Device | 'auto', threads: number | undefined, note: (message: string) => void): SessionHost {
  let starting: Promise<SessionHost> | undefined;
  let host: SessionHost | undefined;
  const started = (): Promise<SessionHost> => (starting ??= start(device, threads, note).then((it) => (host = it)));
  return {
    get device() { return host?.device ?? (device === 'auto' ? 'cpu' : device); },
    get residents() { return host?.residents ?? new Set<number>(); },
    compile: async (program, options) => (await started()).compile(program, options),
    open: async (model) => (await started()).open(model),
    put: async (value) => (await started()).put(value),
    get: async (resident) => (await started()).get(resident),
    stack: async (rows, pieces) => (await started()).stack(rows, pieces),
    release: (residents) => host?.release(residents),
    close: async () => (await starting)?.close(),
  };
}

async function start(wish: Device | 'auto', threads: number | undefined, note: (message: string) => void): Promise<SessionHost> {
  const [{ chooseDevice }, { createWorkerHost }] = await Promise.all([import('../session/probe.js'), import('../session/worker-host.js')]);
  const { device, because } = await chooseDevice(wish);
  if (wish === 'auto') note(`device ${device}: ${because.join('; ')}`);
  return createWorkerHost({ device, ...(threads && { threads }) });
}
