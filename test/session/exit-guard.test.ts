/** @file A process may end while ONNX Runtime is at work: its exit code is its own, and nothing aborts. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('./end-mid-run.js', import.meta.url));
const end = (how: string) => new Promise<{ code: unknown; text: string }>((resolve) => {
  execFile(process.execPath, [script, how], { timeout: 50_000 }, (error, _, text) => resolve({ code: error ? error.signal ?? error.code : 0, text }));
});

test('process.exit in the middle of a run keeps its exit code', async () => {
  expect(await end('exit')).toEqual({ code: 17, text: '' });
});

test('an uncaught error in the middle of a run is reported as usual', async () => {
  const { code, text } = await end('error');
  expect(code).toBe(1);
  expect(text).toContain('an error nobody caught');
  expect(text).not.toContain('Napi');
});

test('a host that nobody closed does not keep the process alive', async () => {
  expect(await end('idle')).toEqual({ code: 0, text: '' });
});
