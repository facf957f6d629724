import { MigrateError } from '../core/errors.js';
import { PARAMETERS } from './conninfo-parameters.js';

/** Keyword → value as written: no defaults, no environment. */
export type Parameters = ReadonlyMap<string, string>;

const ENCODE_HINT =
  'Use postgresql://user@host:5432/database. In a password write : / @ ? # % as %3A %2F %40 %3F %23 %25.';

const invalid = (message: string, hint?: string): MigrateError =>
  new MigrateError('URL_INVALID', { message, ...(hint === undefined ? {} : { hint }) });

/**
 * Throws URL_INVALID when the keyword is not libpq's, or when it asks for what this client does not do. A keyword
 * that does not look like one is not repeated: behind an unescaped `?` it may be the rest of a password.
 */
export function checkParameter(keyword: string, value: string, origin: string): void {
  if (!Object.hasOwn(PARAMETERS, keyword)) {
    const shown = /^[a-z_]{1,40}$/i.test(keyword) ? ` "${keyword}"` : '';
    throw invalid(`${origin} has an unknown parameter${shown}`, shown === '' ? ENCODE_HINT : undefined);
  }
  const use = PARAMETERS[keyword]!.use;
  if (typeof use === 'string' || value === '' || use.includes(value)) return;
  throw invalid(
    use.length === 0
      ? `${origin} sets ${keyword}, which migrate does not support`
      : `${origin} sets ${keyword} to a value that is not supported; supported: ${use.join(', ')}`,
  );
}

function decode(text: string, part: string): string {
  if (/%(?![0-9a-f]{2})/i.test(text) || /%00/.test(text))
    throw invalid(`The ${part} of the connection URL holds a broken percent escape`, ENCODE_HINT);
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid(`The ${part} of the connection URL is not UTF-8 after percent-decoding`, ENCODE_HINT);
  }
}

/** `host`, `host:port`, `[::1]:port`, `:port`; either part may be empty. */
function parseHost(spec: string): { host: string; port: string } {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::([^:]*))?$/.exec(spec);
  if (match === null || (match[3] !== undefined && !/^\d*$/.test(match[3])))
    throw invalid('The host and port of the connection URL cannot be read', ENCODE_HINT);
  if (spec.startsWith('[') && !match[1]) throw invalid('The IPv6 address of the connection URL is empty');
  return { host: decode(match[1] ?? match[2] ?? '', 'host'), port: match[3] ?? '' };
}

/** libpq's connection URIs (libpq-connect, "Connection URIs"). */
function parseUri(text: string): Map<string, string> {
  const found = new Map<string, string>();
  let rest = text.slice(text.indexOf('://') + 3);
  // As libpq: the user information ends at the first @ in front of the first slash.
  const at = rest.search(/[@/]/);
  if (at >= 0 && rest[at] === '@') {
    const [user, ...password] = rest.slice(0, at).split(':');
    if (user) found.set('user', decode(user, 'user'));
    if (password.length > 0) found.set('password', decode(password.join(':'), 'password'));
    rest = rest.slice(at + 1);
  }
  const question = rest.indexOf('?');
  const query = question < 0 ? '' : rest.slice(question + 1);
  const place = question < 0 ? rest : rest.slice(0, question);
  const slash = place.indexOf('/');
  // libpq would read the second @ as part of a host or database name and print it: most likely it is a password.
  if (place.includes('@')) throw invalid('The connection URL has an @ too many', ENCODE_HINT);
  const specs = (slash < 0 ? place : place.slice(0, slash)).split(',').map(parseHost);
  if (specs.some((spec) => spec.host !== '')) found.set('host', specs.map((spec) => spec.host).join(','));
  if (specs.some((spec) => spec.port !== '')) found.set('port', specs.map((spec) => spec.port).join(','));
  if (slash >= 0 && slash + 1 < place.length) found.set('dbname', decode(place.slice(slash + 1), 'database'));
  for (const pair of query === '' ? [] : query.split('&')) {
    const parts = pair.split('=');
    if (parts.length !== 2)
      throw invalid('A parameter of the connection URL is not of the form name=value', ENCODE_HINT);
    let keyword = decode(parts[0]!, 'query');
    let value = decode(parts[1]!, 'query');
    // JDBC's spelling, which libpq accepts too.
    if (keyword === 'ssl' && value === 'true') [keyword, value] = ['sslmode', 'require'];
    checkParameter(keyword, value, 'The connection URL');
    found.set(keyword, value);
  }
  return found;
}

/** `host=db1 dbname='my app'`: quotes around values with blanks, a backslash before ' and \ in values. */
function parseKeyValue(text: string): Map<string, string> {
  const found = new Map<string, string>();
  const pair =
    /\s*([^\s=]+)\s*=\s*(?:'((?:[^'\\]|\\[\s\S])*)'|((?:[^\s'\\]|\\[\s\S])(?:[^\s\\]|\\[\s\S])*|(?=\s|$)))(?=\s|$)/y;
  while (text.slice(pair.lastIndex).trim() !== '') {
    const match = pair.exec(text);
    if (match === null)
      throw invalid('The connection string is neither a URL nor of the form keyword=value', ENCODE_HINT);
    const value = (match[2] ?? match[3] ?? '').replace(/\\([\s\S])/g, '$1');
    checkParameter(match[1]!, value, 'The connection string');
    found.set(match[1]!, value);
  }
  return found;
}

/**
 * Reads a libpq connection URI or keyword/value string. Throws URL_INVALID; its message never holds a value.
 * One rule is stricter than libpq's: an @ in the host or database part must be written %40.
 */
export function parseConninfo(text: string): Parameters {
  const trimmed = text.trim();
  if (/^postgres(ql)?:\/\//i.test(trimmed)) return parseUri(trimmed);
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(trimmed)?.[1];
  if (scheme !== undefined) throw invalid(`The connection URL starts with ${scheme}://, not postgresql://`);
  return parseKeyValue(trimmed);
}
