/**
 * @file Opens the door for plugins outside this package: whatever folder their file lies in, `import … from 'gantry'` gives this very copy
 * of the engine (two copies would disagree on classes), and `zod` is found here if it is not found there.
 */
import { register } from 'node:module';

let open = false;

/** Registers the hook, once. Only a run that loads a foreign plugin pays for it. */
export function openDoor(): void {
  if (open) return;
  open = true;
  register(new URL('./door-hook.js', import.meta.url));
}
