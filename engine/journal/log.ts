/** @file Logs: files of one JSON object a line, each with the `wave` it belongs to, in order of waves. They are cut back on resume. */
import { open, truncate } from 'node:fs/promises';
import { diskError } from './atomic.js';

export interface LogLine { readonly wave: number; readonly [name: string]: unknown }

const SLICE = 1 << 16;

/**
 * The lines of a log with the byte position after each, read in slices. A last line that was cut short (the process was killed while writing)
 * ends the log; so does a line that is no JSON object. No file, no lines.
 */
export async function* readLog(path: string): AsyncGenerator<{ readonly line: LogLine; readonly end: number }> {
  const file = await open(path, 'r').catch(() => undefined);
  if (!file) return;
  try {
    let rest = Buffer.alloc(0);
    let position = 0;
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(SLICE), 0, SLICE, null);
      if (!bytesRead) return;
      rest = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
      let start = 0;
      for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10, start)) {
        const line = parse(rest.toString('utf8', start, end));
        if (!line) return;
        start = end + 1;
        yield { line, end: position + start };
      }
      position += start;
      rest = rest.subarray(start);
    }
  } finally {
    await file.close();
  }
}

/** Keeps the lines of the first `waves` waves, and drops what was cut short. Truncation makes a file shorter in one step: it can't be seen half done. */
export async function cutLog(path: string, waves: number): Promise<void> {
  let length = 0;
  for await (const { line, end } of readLog(path)) {
    if (line.wave >= waves) break;
    length = end;
  }
  await truncate(path, length).catch((error: NodeJS.ErrnoException) => { if (error.code !== 'ENOENT') throw diskError(error, path); });
}

/** A line's text. JSON has no NaN and no infinities: such numbers become null. */
export const lineOf = (line: LogLine): string => `${JSON.stringify(line)}\n`;

function parse(text: string): LogLine | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'wave' in value && typeof value.wave === 'number' ? value as LogLine : undefined;
  } catch {
    return undefined;
  }
}
