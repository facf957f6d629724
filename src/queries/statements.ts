import { MigrateError } from '../core/errors.js';
import { tokensOf } from './lexer.js';

export interface Statement {
  /** As its `-- name:` says, else `FILE:LINE`; with several sets of parameters also which one. */
  readonly name: string;
  readonly text: string;
  /** Values of $1, $2, …; absent: none are known. */
  readonly parameters?: readonly unknown[];
  /** How often it was run, where the server has counted it. */
  readonly calls?: string;
}

/** `-- params: ["a", 1]` and `-- name: recent entries`, on lines of their own above a statement. */
const REMARK = /^--\s*(params|name)\s*:\s*(.*?)\s*$/;

interface Pending {
  begin: number;
  name?: string;
  sets: unknown[][];
}

/**
 * The statements of a file, separated by semicolons. Each may have comments above or inside it: `-- name:` is how it
 * is called, `-- params:` has its parameters as a JSON array; several such lines are as many runs of the statement.
 * Throws STATEMENTS_MISSING for a file without any, USAGE for text that cannot be read, with its line.
 */
export function statementsOf(file: string, text: string): Statement[] {
  const statements: Statement[] = [];
  const fresh = (): Pending => ({ begin: -1, sets: [] });
  let pending = fresh();
  const lineOf = (offset: number): number => text.slice(0, offset).split('\n').length;
  const finish = (end: number): void => {
    const { begin, sets, name = `${file}:${lineOf(begin)}` } = pending;
    if (begin >= 0) {
      const statement = text.slice(begin, end).trim();
      if (sets.length === 0) statements.push({ name, text: statement });
      sets.forEach((parameters, at) => {
        statements.push({ name: sets.length > 1 ? `${name} #${at + 1}` : name, text: statement, parameters });
      });
    } else if (sets.length > 0) throw unreadable(`${file}: no statement follows its last -- params:`);
    pending = fresh();
  };
  for (const token of tokensOf(text)) {
    if (token.kind === 'unclosed')
      throw unreadable(`${file}:${lineOf(token.at)}: a quote or comment is never closed`);
    if (token.kind === 'comment') {
      const [, what, value] = REMARK.exec(token.text) ?? [];
      if (what === 'name' && value !== '') pending.name = value!;
      else if (what === 'params') pending.sets.push(parametersOf(value!, `${file}:${lineOf(token.at)}`));
    } else if (token.text === ';' && token.depth === 0 && token.kind === 'punctuation') finish(token.at);
    else if (pending.begin < 0) pending.begin = token.at;
  }
  finish(text.length);
  if (statements.length > 0) return statements;
  throw new MigrateError('STATEMENTS_MISSING', { message: `${file} holds no statement` });
}

/** Never with what stands there: parameters are values of the application. */
const unreadable = (message: string): MigrateError =>
  new MigrateError('USAGE', {
    message,
    hint: 'Statements end with a semicolon; parameters stand above one as: -- params: ["a", 1]',
  });

function parametersOf(json: string, place: string): unknown[] {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw unreadable(`${place}: the parameters are not JSON`);
  }
  if (!Array.isArray(value)) throw unreadable(`${place}: the parameters are not a JSON array`);
  if (value.some(isRounded))
    throw unreadable(`${place}: a number there has more digits than JSON keeps; write it as a string`);
  return value;
}

const isRounded = (value: unknown): boolean =>
  typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value);
