/** @file What goes wrong, as values: where it is, what is and what is wanted, why, and at most one remedy. Formatting is separate. */

/** One problem at one place. `at` is a path as the author wrote it: `nodes.train.in.part`. */
export interface Issue {
  readonly at: string;
  readonly says: string;
  readonly because?: readonly string[];
  readonly try?: string;
}

/** How the program ends: the user's input is wrong (2), the run failed (3), stopped on request and resumable (75). */
export type ExitCode = 2 | 3 | 75;

/** An error made for people: it prints without a stack trace, and ends the program with its exit code. */
export class GantryError extends Error {
  constructor(
    override readonly name: string,
    readonly where: string,
    readonly issues: readonly Issue[],
    readonly exitCode: ExitCode,
    options?: ErrorOptions,
  ) {
    super(format(name, where, issues), options);
  }
}

/** The user's input is wrong: a graph, an option, a file. Exit code 2. */
export const inputError = (where: string, says: string, more: Omit<Issue, 'at' | 'says'> = {}, options?: ErrorOptions): GantryError =>
  new GantryError('InputError', where, [{ at: '', says, ...more }], 2, options);

/** A graph that does not compose, with every issue found. Exit code 2. */
export const graphError = (file: string, issues: readonly Issue[]): GantryError => new GantryError('GraphError', file, issues, 2);

/** A program that cannot be traced: `where` is the path of scopes and phases. Exit code 2. */
export const traceError = (where: string, says: string): GantryError => new GantryError('TraceError', where, [{ at: '', says }], 2);

/** A step that failed at run time. Exit code 3. */
export const stepError = (node: string, type: string, wave: number, says: string, options?: ErrorOptions): GantryError =>
  new GantryError('StepError', `node "${node}" (${type}), wave ${wave}`, [{ at: '', says }], 3, options);

/** `Name: where: says` for one issue, a headed list for several; `because` lines and the remedy are indented below. */
export function format(name: string, where: string, issues: readonly Issue[]): string {
  const body = (issue: Issue, indent: string) => [
    ...(issue.because ?? []).map((line) => `${indent}  because ${line}`),
    ...(issue.try ? [`${indent}  try ${issue.try}`] : []),
  ];
  const [only] = issues;
  if (issues.length === 1 && only && !only.at) return [`${name}: ${where}: ${only.says}`, ...body(only, '')].join('\n');
  const head = `${name}: ${where} has ${issues.length} issue${issues.length === 1 ? '' : 's'}`;
  return [head, ...issues.flatMap((issue) => [`  ${issue.at}: ${issue.says}`, ...body(issue, '  ')])].join('\n');
}
