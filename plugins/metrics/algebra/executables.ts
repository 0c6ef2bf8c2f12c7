/** @file The programs of this folder, compiled once a host. */
import type { Executable, Program, SessionHost } from '../../../engine/index.js';

const compiled = new WeakMap<SessionHost, Map<string, Promise<Executable>>>();

/** The executable of a program by name; it lives as long as its host. */
export function executableOf(host: SessionHost, name: string, trace: (name: string) => Program): Promise<Executable> {
  const known = compiled.get(host) ?? new Map<string, Promise<Executable>>();
  compiled.set(host, known);
  const found = known.get(name) ?? host.compile(trace(name));
  known.set(name, found);
  return found;
}
