import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { MigrateError } from '../core/errors.js';
import { quoteIdent, quoteLiteral } from '../core/names.js';

const ROOT = fileURLToPath(new URL('../../sql/', import.meta.url));
const cache = new Map<string, string>();

/**
 * Comments, strings, quoted identifiers, dollar quotes and casts are passed over, as psql does; what is left of
 * the form `:'v'`, `:"v"` or `:v` is a variable.
 */
const TOKEN =
  /--[^\n]*|\/\*[\s\S]*?\*\/|(\$\w*\$)[\s\S]*?\1|'(?:[^']|'')*'|::|:=|:'(\w+)'|:"(\w+)"|:(\w+)|"(?:[^"]|"")*"/g;

/**
 * The text of `sql/<file>.sql` with psql's variables filled in: `:'v'` as a literal, `:"v"` as an identifier, `:v`
 * as it is (SQL built by this program, never a user's text). Throws INTERNAL for a variable without a value.
 */
export function sql(file: string, variables: Readonly<Record<string, string | number>> = {}): string {
  let text = cache.get(file);
  if (text === undefined) {
    text = readFileSync(`${ROOT}${file}.sql`, 'utf8');
    cache.set(file, text);
  }
  const value = (name: string): string => {
    const found = variables[name];
    if (found === undefined)
      throw new MigrateError('INTERNAL', { message: `sql/${file}.sql needs the variable ${name}` });
    return String(found);
  };
  return text.replace(TOKEN, (token, _dollar, literal, identifier, raw) => {
    if (literal !== undefined) return quoteLiteral(value(literal));
    if (identifier !== undefined) return quoteIdent(value(identifier));
    if (raw !== undefined) return value(raw);
    return token;
  });
}
