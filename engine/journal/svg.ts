/** @file What every drawing here shares: escaping, short numbers, and axis ticks at round values. */

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text for HTML and SVG, in content and in quoted attributes. Control characters, which XML forbids, are dropped. */
export const escapeText = (text: unknown): string => String(text)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
  .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '')
  .replace(/[&<>"']/g, (character) => ENTITIES[character]!);

/** A coordinate: one decimal is a tenth of a pixel. */
export const point = (value: number): string => String(Math.round(value * 10) / 10);

/** A number for people: four significant digits, thousands grouped, no trailing noise. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e7)) return value.toExponential(2).replace(/\.?0+e/, 'e').replace('e+', 'e');
  if (size >= 1000) return value.toLocaleString('en-US', { maximumFractionDigits: size >= 10_000 || Number.isInteger(value) ? 0 : 1 });
  return String(Number(value.toPrecision(4)));
}

/** Round values inside [low, high], about `count` of them: steps of 1, 2 or 5 times a power of ten. */
export function ticks(low: number, high: number, count: number): number[] {
  const rough = (high - low) / Math.max(1, count);
  if (!(rough > 0) || !Number.isFinite(rough)) return [low];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}
