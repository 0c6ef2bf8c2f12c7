/** @file Programs compiled once a host. */
import type { Program } from '../tensor/program.js';
import type { Executable, SessionHost } from './host.js';

const compiled = new WeakMap<SessionHost, Map<string, Promise<Executable>>>();

/** The executable of a program by its key; equal keys share it. It lives as long as its host. */
export function compiledOnce(host: SessionHost, key: string, trace: (key: string) => Program): Promise<Executable> {
  const known = compiled.get(host) ?? new Map<string, Promise<Executable>>();
  compiled.set(host, known);
  const found = known.get(key) ?? host.compile(trace(key));
  known.set(key, found);
  return found;
}
