import type { Config } from '../../config/config.js';
import { MigrateError } from '../../core/errors.js';
import type { Secret } from '../../core/secret.js';

/** PG* variables may name the one database that no option names. */
const namesServer = (env: NodeJS.ProcessEnv): boolean =>
  Boolean(env.PGHOST || env.PGHOSTADDR || env.PGSERVICE || env.PGDATABASE);

/** The source's connection string; undefined when PG* variables alone name it. Throws SOURCE_MISSING. */
export function sourceUrl(config: Config, env: NodeJS.ProcessEnv): Secret | undefined {
  if (config.source === undefined && !namesServer(env)) throw new MigrateError('SOURCE_MISSING');
  return config.source;
}

/** The target's connection string. It is never taken from PG* variables alone: they name the source. */
export function targetUrl(config: Config): Secret {
  if (config.target === undefined) throw new MigrateError('TARGET_MISSING');
  return config.target;
}
