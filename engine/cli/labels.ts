/** @file Labels as options spell them: `7`, `0,3` or `all`. */
import { inputError } from '../spec/issue.js';

/** Throws an InputError for what is no label of a generator with `size` of them. */
export function labelsOf(text: string, size: number): readonly number[] {
  if (!size) throw inputError('--classes', 'this generator has no classes');
  if (text === 'all') return Array.from({ length: size }, (_, i) => i);
  return text.split(',').map((word) => {
    const label = Number(word);
    if (word.trim() === '' || !Number.isInteger(label) || label < 0 || label >= size) throw inputError('--classes', `"${word}" is no label; labels are 0 to ${size - 1}`);
    return label;
  });
}
