import { readFileSync, statSync } from 'node:fs';
import { Secret } from '../core/secret.js';

export interface PgpassKey {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

/** `a\:b:c` → `a:b` and `c`, with the text before unescaping. The password ends at a bare colon too, as in libpq. */
function fields(line: string): { raw: string; value: string }[] {
  return (line.match(/(?:^|:)((?:\\.|[^:\\]|\\$)*)/g) ?? []).map((match, index) => {
    const raw = index === 0 ? match : match.slice(1);
    return { raw, value: raw.replace(/\\(.)/g, '$1') };
  });
}

/** The password of the first line that matches (libpq-pgpass). An escaped `\*` is no wildcard. */
export function findPassword(text: string, key: PgpassKey): string | undefined {
  const wanted = [key.host, String(key.port), key.database, key.user];
  for (const line of text.split(/\r?\n/)) {
    if (line === '' || line.startsWith('#')) continue;
    const parts = fields(line);
    const matches = wanted.every((value, index) => {
      const part = parts[index];
      return part !== undefined && (part.raw === '*' || part.value === value);
    });
    if (matches && parts[4] !== undefined) return parts[4].value;
  }
  return undefined;
}

/** A file that others can read is ignored, as by libpq; the reason goes to `warn`. A missing file is none. */
export function readPassword(
  path: string,
  key: PgpassKey,
  warn: (message: string) => void,
): Secret | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return undefined;
  if (!stat.isFile()) {
    warn(`The password file ${path} is not a plain file; it is ignored`);
    return undefined;
  }
  if (process.platform !== 'win32' && (stat.mode & 0o077) !== 0) {
    warn(`The password file ${path} can be read by others; it is ignored until its mode is 0600`);
    return undefined;
  }
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    warn(`The password file ${path} cannot be read; it is ignored`);
    return undefined;
  }
  const password = findPassword(text, key);
  return password === undefined || password === '' ? undefined : new Secret(password);
}
