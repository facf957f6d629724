import { existsSync } from 'node:fs';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { MigrateError } from '../core/errors.js';
import { Secret } from '../core/secret.js';
import { PARAMETERS } from './conninfo-parameters.js';
import { checkParameter, parseConninfo } from './conninfo-parse.js';
import { readPassword } from './pgpass.js';
import { readService } from './service-file.js';

export { toClientConfig } from './client-config.js';

export type SslMode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';
export type TlsAttempt = 'tls' | 'plain';

export interface ConninfoHost {
  /** A name, an IP address, or the directory of a Unix socket (starts with /). */
  readonly host: string;
  readonly port: number;
  /** `hostaddr`: where to connect instead of resolving `host`. */
  readonly address?: string;
  /** From the password file, which knows passwords per host. */
  readonly password?: Secret;
}

/** A complete answer to "where and as whom": nothing is left to be looked up in the environment. */
export interface Conninfo {
  /** In the order in which they are tried; at least one. */
  readonly hosts: readonly ConninfoHost[];
  readonly database: string;
  readonly user: string;
  readonly password: Secret | undefined;
  readonly sslmode: SslMode;
  /** A file, or `system` for the trusted roots of the machine. The file need not exist below verify-ca. */
  readonly sslrootcert: string;
  readonly sslcert: string;
  readonly sslkey: string;
  readonly sslpassword?: Secret;
  readonly sslcrl?: string;
  readonly sslnegotiation: 'postgres' | 'direct';
  readonly sslMinVersion?: string;
  readonly sslMaxVersion?: string;
  /** Per host; absent: wait as long as the system does. */
  readonly connectTimeoutSeconds?: number;
  readonly applicationName?: string;
  /** Command-line options for the backend, e.g. `-c work_mem=64MB`. */
  readonly options?: string;
  readonly targetSessionAttrs: 'any' | 'read-write' | 'read-only' | 'primary' | 'standby' | 'prefer-standby';
  readonly keepalives: { readonly enabled: boolean; readonly idleSeconds?: number };
  /** For the log: a password file that is ignored because of its mode, and the like. */
  readonly warnings: readonly string[];
}

export interface ResolveOptions {
  /** Default: HOME of `env`, else the operating system's answer. */
  home?: string;
  /** Name of the operating system user; the default database user. */
  osUser?: string;
  /** Where a server on this machine may have its socket. libpq has one of these compiled in. */
  socketDirectories?: readonly string[];
}

const SOCKET_DIRECTORIES = ['/var/run/postgresql', '/run/postgresql', '/tmp'];
const DEFAULT_PORT = '5432';

const invalid = (message: string): MigrateError => new MigrateError('URL_INVALID', { message });

function whole(value: string | undefined, keyword: string): number | undefined {
  if (value === undefined) return undefined;
  if (!/^\s*-?\d{1,9}\s*$/.test(value))
    throw invalid(`The connection parameter ${keyword} is not a whole number`);
  return Number(value);
}

function systemUser(env: NodeJS.ProcessEnv): string | undefined {
  try {
    return userInfo().username;
  } catch {
    // A container may run under an id that /etc/passwd does not know.
    return env.USER ?? env.LOGNAME;
  }
}

/** Connection string, then service, then environment, then defaults: conninfo_add_defaults in libpq. */
function gather(url: string | undefined, env: NodeJS.ProcessEnv, home: string): Map<string, string> {
  const values = new Map(
    url === undefined ? [] : [...parseConninfo(url)].filter(([, value]) => value !== ''),
  );
  const fromEnv = (keyword: string): string | undefined => env[PARAMETERS[keyword]!.env ?? ''] || undefined;
  const service = values.get('service') ?? fromEnv('service');
  if (service !== undefined) {
    const file = values.get('servicefile') ?? fromEnv('servicefile');
    for (const [keyword, value] of readService(service, { file, home, sysconfdir: env.PGSYSCONFDIR }))
      if (!values.has(keyword)) values.set(keyword, value);
  }
  for (const [keyword, { env: variable }] of Object.entries(PARAMETERS)) {
    const value = fromEnv(keyword);
    if (value === undefined || values.has(keyword)) continue;
    checkParameter(keyword, value, `The environment variable ${variable}`);
    values.set(keyword, value);
  }
  return values;
}

function hostsOf(values: ReadonlyMap<string, string>, socketDirectories: readonly string[]): ConninfoHost[] {
  const list = (keyword: string): string[] | undefined =>
    values
      .get(keyword)
      ?.split(',')
      .map((part) => part.trim());
  const names = list('host');
  const addresses = list('hostaddr');
  const ports = list('port') ?? [DEFAULT_PORT];
  const count = addresses?.length ?? names?.length ?? 1;
  if (names !== undefined && names.length !== count)
    throw invalid('host and hostaddr list different numbers of hosts');
  if (ports.length !== 1 && ports.length !== count)
    throw invalid(`${ports.length} ports are listed for ${count} ${count === 1 ? 'host' : 'hosts'}`);
  return Array.from({ length: count }, (_, index) => {
    const port = whole((ports.length === 1 ? ports[0] : ports[index]) || DEFAULT_PORT, 'port')!;
    if (port < 1 || port > 65_535) throw invalid(`Port ${port} is not between 1 and 65535`);
    const address = addresses?.[index] || undefined;
    const socket = socketDirectories.find((directory) => existsSync(`${directory}/.s.PGSQL.${port}`));
    const host = names?.[index] || address || socket || 'localhost';
    return { host, port, ...(address === undefined ? {} : { address }) };
  });
}

/**
 * What libpq would make of a connection string (URI or keyword/value; undefined: none), `env`, the service file and
 * the password file. Throws URL_INVALID, naming the parameter but never its value.
 */
export function resolveConninfo(
  url: string | undefined,
  env: NodeJS.ProcessEnv,
  options: ResolveOptions = {},
): Conninfo {
  const home = options.home ?? env.HOME ?? homedir();
  const values = gather(url, env, home);
  const text = (keyword: string): string | undefined => values.get(keyword);
  const user = text('user') ?? options.osUser ?? systemUser(env);
  if (user === undefined)
    throw invalid('No database user is named, and the operating system knows no name either');
  const database = text('dbname') ?? user;
  const sockets = options.socketDirectories ?? SOCKET_DIRECTORIES;
  const warnings = new Set<string>();
  const password = text('password');
  const passfile = text('passfile') ?? join(home, '.pgpass');
  const hosts = hostsOf(values, sockets).map((host): ConninfoHost => {
    if (password !== undefined) return host;
    // In the file, a server behind the default socket directory is called localhost.
    const name = sockets.includes(host.host) ? 'localhost' : host.host;
    const key = { host: name, port: host.port, database, user };
    const found = readPassword(passfile, key, (message) => warnings.add(message));
    return found === undefined ? host : { ...host, password: found };
  });

  const system = text('sslrootcert') === 'system';
  const sslmode = (text('sslmode') ?? (system ? 'verify-full' : 'prefer')) as SslMode;
  if (system && sslmode !== 'verify-full')
    throw invalid(`sslrootcert=system needs sslmode=verify-full, not ${sslmode}`);
  const sslnegotiation = (text('sslnegotiation') ?? 'postgres') as Conninfo['sslnegotiation'];
  if (sslnegotiation === 'direct' && ['disable', 'allow', 'prefer'].includes(sslmode))
    throw invalid(`sslnegotiation=direct needs sslmode=require or stricter, not ${sslmode}`);
  const timeout = whole(text('connect_timeout'), 'connect_timeout') ?? 0;
  const idle = whole(text('keepalives_idle'), 'keepalives_idle') ?? 0;
  const optional = <K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } =>
    (value === undefined ? {} : { [key]: value }) as { [P in K]?: V };
  return {
    hosts,
    database,
    user,
    password: password === undefined ? undefined : new Secret(password),
    sslmode,
    sslrootcert: text('sslrootcert') ?? join(home, '.postgresql', 'root.crt'),
    sslcert: text('sslcert') ?? join(home, '.postgresql', 'postgresql.crt'),
    sslkey: text('sslkey') ?? join(home, '.postgresql', 'postgresql.key'),
    ...optional('sslpassword', values.has('sslpassword') ? new Secret(text('sslpassword')!) : undefined),
    ...optional('sslcrl', text('sslcrl')),
    sslnegotiation,
    ...optional('sslMinVersion', text('ssl_min_protocol_version')),
    ...optional('sslMaxVersion', text('ssl_max_protocol_version')),
    ...optional('connectTimeoutSeconds', timeout > 0 ? timeout : undefined),
    ...optional('applicationName', text('application_name') ?? text('fallback_application_name')),
    ...optional('options', text('options')),
    targetSessionAttrs: (text('target_session_attrs') ?? 'any') as Conninfo['targetSessionAttrs'],
    keepalives: {
      enabled: whole(text('keepalives'), 'keepalives') !== 0,
      ...optional('idleSeconds', idle > 0 ? idle : undefined),
    },
    warnings: [...warnings],
  };
}

/** `app@db1:5432/app`, without the password. */
export function describe(conninfo: Conninfo): string {
  const hosts = conninfo.hosts.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`);
  return `${conninfo.user}@${hosts.join(',')}/${conninfo.database}`;
}

/**
 * The ways to try, in order: sslmode decides which are allowed. Over a Unix socket TLS is never spoken, whatever
 * sslmode says (libpq-ssl, "SSL Mode Descriptions").
 */
export function tlsAttempts(conninfo: Conninfo, host?: ConninfoHost): readonly TlsAttempt[] {
  const hosts = host === undefined ? conninfo.hosts : [host];
  if (hosts.every((one) => isSocket(one))) return ['plain'];
  if (conninfo.sslmode === 'disable') return ['plain'];
  if (conninfo.sslmode === 'allow') return ['plain', 'tls'];
  if (conninfo.sslmode === 'prefer') return ['tls', 'plain'];
  return ['tls'];
}

/** True for a host that is the directory of a Unix socket. */
export function isSocket(host: ConninfoHost): boolean {
  return (host.address ?? host.host).startsWith('/');
}
