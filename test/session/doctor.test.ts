/** @file The doctor proves what it says, and a device that does not work is refused with the same words. */
import { diagnose } from '../../engine/session/doctor.js';
import { chooseDevice, probe } from '../../engine/session/probe.js';
import { createWorkerHost } from '../../engine/session/worker-host.js';

test('every subject has a finding; what does not work says what to do', async () => {
  const findings = await diagnose();
  expect(findings.map(({ subject }) => subject)).toEqual(['node', 'onnxruntime-node', 'machine', 'cpu', 'cuda', 'webgpu', 'hnswlib-node']);
  for (const { works, says, try: remedy } of findings) {
    expect(says).toMatch(/\S/);
    expect(says).not.toMatch(/onnxruntime_src|\n/);
    if (!works) expect(remedy).toMatch(/\S/);
  }
  expect(findings.find(({ subject }) => subject === 'cpu')).toMatchObject({ works: true });
});

test.each(['cuda', 'webgpu'] as const)('%s runs when it works, and is an input error with a remedy when it does not', async (device) => {
  const { works, says } = await probe(device);
  const host = await createWorkerHost({ device }).catch((error: Error) => error);
  if (host instanceof Error) {
    expect(works).toBe(false);
    expect(host).toMatchObject({ name: 'InputError', exitCode: 2 });
    expect(host.message).toContain(`device ${device}: ${says}`);
    expect(host.message).toMatch(/\n {2}try /);
  } else {
    await host.close();
    expect(works).toBe(true);
  }
});

test('auto chooses a device that works, and gives its reasons', async () => {
  const { device, because } = await chooseDevice('auto');
  expect(await probe(device)).toMatchObject({ works: true });
  expect(because.at(-1)).toContain(device);
  expect(await chooseDevice('webgpu')).toEqual({ device: 'webgpu', because: ['webgpu was asked for'] });
});
