/** @file The key of a data set: a hash of everything that its pixels depend on. */
import { createHash } from 'node:crypto';

/** Equal keys, equal parts: typed arrays by their bytes, the rest as JSON. */
export function contentKey(...parts: readonly unknown[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(ArrayBuffer.isView(part) ? new Uint8Array(part.buffer, part.byteOffset, part.byteLength) : `${JSON.stringify(part)}\n`);
  return hash.digest('hex').slice(0, 32);
}
