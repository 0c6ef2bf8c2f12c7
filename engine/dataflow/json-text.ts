/** @file Reads JSON text, and says where it is wrong: line and column, also of a key that is given twice, which JSON.parse passes over. */

export interface JsonIssue { readonly line: number; readonly column: number; readonly says: string; /** The path of keys that leads there. */ readonly path: readonly string[] }

/** A value with every key that is given twice, or the one issue that keeps the text from being JSON. */
export type JsonText =
  | { readonly value: unknown; readonly issues: readonly JsonIssue[]; readonly broken?: undefined }
  | { readonly broken: JsonIssue };

class Broken extends Error {
  constructor(readonly at: number, message: string) { super(message); }
}

const SPACE = /[ \t\r\n]*/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them in strings
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/y;
const ATOM = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

export function parseJson(text: string): JsonText {
  let at = 0;
  const path: string[] = [];
  const issues: JsonIssue[] = [];
  const place = (offset: number) => {
    const before = text.slice(0, offset);
    return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n'), path: [...path] };
  };
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (!match) return undefined;
    at += match[0].length;
    return match[0];
  };
  const skip = () => take(SPACE);
  const found = () => (at >= text.length ? 'the text ends' : JSON.stringify(text[at]));
  const need = (mark: string, why: string) => {
    skip();
    if (text[at] !== mark) throw new Broken(at, `${found()} where ${why} is wanted`);
    at++;
  };
  /** The items of an object or array up to its closing mark. */
  const items = (close: string, item: () => void) => {
    at++;
    skip();
    if (text[at] === close) { at++; return; }
    for (;;) {
      item();
      skip();
      if (text[at] === close) { at++; return; }
      if (text[at] !== ',') throw new Broken(at, `${found()} where "," or "${close}" is wanted`);
      at++;
      skip();
      if (text[at] === close) throw new Broken(at, `a comma before "${close}"`);
    }
  };
  const value = (): unknown => {
    skip();
    if (text[at] === '{') {
      const object: Record<string, unknown> = {};
      items('}', () => {
        skip();
        const start = at, key = take(STRING);
        if (key === undefined) throw new Broken(at, `${found()} where a key in double quotes is wanted`);
        const name = JSON.parse(key) as string;
        path.push(name);
        if (Object.hasOwn(object, name)) issues.push({ ...place(start), says: 'this key is given twice' });
        need(':', '":"');
        Object.defineProperty(object, name, { value: value(), enumerable: true, configurable: true, writable: true });
        path.pop();
      });
      return object;
    }
    if (text[at] === '[') {
      const array: unknown[] = [];
      items(']', () => array.push(value()));
      return array;
    }
    const atom = take(STRING) ?? take(ATOM);
    if (atom === undefined) throw new Broken(at, text.startsWith('//', at) ? 'a comment; JSON has none' : `${found()} where a value is wanted`);
    return JSON.parse(atom);
  };
  try {
    const whole = value();
    skip();
    if (at < text.length) throw new Broken(at, `${found()} after the end`);
    return { value: whole, issues };
  } catch (error) {
    if (error instanceof Broken) return { broken: { ...place(error.at), says: error.message } };
    throw error;
  }
}
