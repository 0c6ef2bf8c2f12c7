/** @file How long the main loop was ever held up. It must stay free: for Ctrl-C, for progress, for whoever embeds a run. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Watches the loop from the first call of `begin` on. */
export function watchStalls(): { begin(): void; longest(): number } {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  let begun = false;
  return {
    begin() {
      if (begun) return;
      begun = true;
      delay.enable();
    },
    /** Milliseconds; ends the watch. */
    longest() {
      delay.disable();
      return Math.round(delay.max / 1e5) / 10;
    },
  };
}
