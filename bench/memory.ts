/** @file The peak of a process's resident memory, where the system tells (Linux). */
import { readFileSync, writeFileSync } from 'node:fs';

/** Begins a new peak for a process at what it holds now. */
export function forgetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5');
  } catch { /* Then the peak counts from the start of the process. */ }
}

/** The most that a process has held at once, in bytes. */
export function peakOf(pid: number): number | undefined {
  try {
    const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return kilobytes === undefined ? undefined : 1024 * Number(kilobytes);
  } catch {
    return undefined;
  }
}
