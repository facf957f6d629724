import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MigrateError } from '../core/errors.js';
import { checkParameter, type Parameters } from './conninfo-parse.js';

/** The section `[name]` of a pg_service.conf text; undefined when there is none. libpq-pgservice. */
export function parseService(text: string, name: string, path: string): Parameters | undefined {
  let found: Map<string, string> | undefined;
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('[')) {
      // Only the first section of that name counts.
      if (found !== undefined) break;
      if (line === `[${name}]`) found = new Map();
      continue;
    }
    if (found === undefined) continue;
    const equals = line.indexOf('=');
    const origin = `Service "${name}" (${path}, line ${index + 1})`;
    if (equals < 1)
      throw new MigrateError('URL_INVALID', { message: `${origin} is not of the form keyword=value` });
    const keyword = line.slice(0, equals);
    if (keyword === 'service' || keyword === 'servicefile')
      throw new MigrateError('URL_INVALID', {
        message: `${origin} names another service; services do not nest`,
      });
    const value = line.slice(equals + 1);
    checkParameter(keyword, value, origin);
    if (!found.has(keyword)) found.set(keyword, value);
  }
  return found;
}

/**
 * The parameters of a service: from `file`, else from ~/.pg_service.conf, else from the system's pg_service.conf
 * (PGSYSCONFDIR). Throws URL_INVALID when no file defines it.
 */
export function readService(
  name: string,
  places: { file: string | undefined; home: string; sysconfdir: string | undefined },
): Parameters {
  const own = places.file ?? join(places.home, '.pg_service.conf');
  const system = places.sysconfdir ?? '/etc/postgresql-common';
  for (const path of [own, join(system, 'pg_service.conf')]) {
    if (!existsSync(path)) continue;
    const found = parseService(readFileSync(path, 'utf8'), name, path);
    if (found !== undefined) return found;
  }
  throw new MigrateError('URL_INVALID', {
    message: `The connection service "${name}" is not defined`,
    hint: `Define [${name}] in ${own}, or name the file in PGSERVICEFILE.`,
  });
}
