import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import tls, { type ConnectionOptions, type SecureVersion } from 'node:tls';
import type { ClientConfig } from 'pg';
import { MigrateError } from '../core/errors.js';
import { type Conninfo, type ConninfoHost, isSocket, type TlsAttempt } from './conninfo.js';

/** Where distributions keep the trusted roots, for Node.js versions that cannot ask the system (before 22.15). */
const SYSTEM_ROOTS = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

function readIfThere(path: string, what: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new MigrateError('TLS_FAILED', { message: `The ${what} ${path} cannot be read`, cause: error });
  }
}

function systemRoots(): string | string[] | undefined {
  const { getCACertificates } = tls as { getCACertificates?: (type: 'system') => string[] };
  if (getCACertificates !== undefined) return getCACertificates('system');
  for (const path of [process.env.SSL_CERT_FILE ?? '', ...SYSTEM_ROOTS]) {
    const text = path === '' ? undefined : readIfThere(path, 'file of trusted roots');
    if (text !== undefined) return text;
  }
  // Undefined: the roots that Node.js carries.
  return undefined;
}

/** libpq refuses a key that others can read: 0600, or 0640 when root owns it. */
function checkKeyMode(path: string): void {
  if (process.platform === 'win32') return;
  const { mode, uid } = statSync(path);
  if ((mode & (uid === 0 ? 0o037 : 0o077)) !== 0)
    throw new MigrateError('TLS_FAILED', {
      message: `The private key ${path} can be read by others`,
      hint: `Run chmod 0600 ${path}.`,
    });
}

function clientCertificate(conninfo: Conninfo): ConnectionOptions {
  const cert = readIfThere(conninfo.sslcert, 'client certificate');
  if (cert === undefined) return {};
  const key = readIfThere(conninfo.sslkey, 'private key');
  if (key === undefined)
    throw new MigrateError('TLS_FAILED', {
      message: `There is a client certificate ${conninfo.sslcert} but no private key ${conninfo.sslkey}`,
      hint: 'Name the key with sslkey.',
    });
  checkKeyMode(conninfo.sslkey);
  return { cert, key, ...(conninfo.sslpassword ? { passphrase: conninfo.sslpassword.reveal() } : {}) };
}

/**
 * libpq verifies the chain whenever the root certificate file exists, under every sslmode; the name in the
 * certificate only under verify-full (libpq-ssl, "Client Verification of Server Certificates").
 */
function verification(conninfo: Conninfo): ConnectionOptions {
  if (conninfo.sslrootcert === 'system') return { rejectUnauthorized: true, ca: systemRoots() };
  const ca = readIfThere(conninfo.sslrootcert, 'root certificate');
  const strict = conninfo.sslmode === 'verify-ca' || conninfo.sslmode === 'verify-full';
  if (ca === undefined && strict)
    throw new MigrateError('TLS_FAILED', {
      message: `sslmode=${conninfo.sslmode} needs the root certificate ${conninfo.sslrootcert}, which does not exist`,
      hint: 'Name the file with sslrootcert, use sslrootcert=system, or choose another sslmode.',
    });
  if (ca === undefined) return { rejectUnauthorized: false };
  const crl = conninfo.sslcrl === undefined ? undefined : readIfThere(conninfo.sslcrl, 'revocation list');
  return {
    rejectUnauthorized: true,
    ca,
    ...(crl === undefined ? {} : { crl }),
    ...(conninfo.sslmode === 'verify-full' ? {} : { checkServerIdentity: () => undefined }),
  };
}

function tlsOptions(conninfo: Conninfo, host: ConninfoHost): ConnectionOptions {
  return {
    ...verification(conninfo),
    ...clientCertificate(conninfo),
    ...(conninfo.sslMinVersion ? { minVersion: conninfo.sslMinVersion as SecureVersion } : {}),
    ...(conninfo.sslMaxVersion ? { maxVersion: conninfo.sslMaxVersion as SecureVersion } : {}),
    // With hostaddr the socket goes to an address, but the certificate is for the name.
    ...(host.address === undefined ? {} : { host: host.host }),
    ...(host.address === undefined || isIP(host.host) !== 0 ? {} : { servername: host.host }),
  };
}

/**
 * The options of node-postgres for one host and one way of connecting; every field that it would look up in the
 * environment is set. Reads certificate files; throws TLS_FAILED when one is missing or unsafe.
 */
export function toClientConfig(
  conninfo: Conninfo,
  host: ConninfoHost,
  attempt: TlsAttempt = 'tls',
): ClientConfig {
  const encrypted = attempt === 'tls' && conninfo.sslmode !== 'disable' && !isSocket(host);
  const password = conninfo.password ?? host.password;
  return {
    host: host.address ?? host.host,
    port: host.port,
    user: conninfo.user,
    database: conninfo.database,
    ...(password === undefined ? {} : { password: password.reveal() }),
    ssl: encrypted ? tlsOptions(conninfo, host) : false,
    sslnegotiation: encrypted ? conninfo.sslnegotiation : 'postgres',
    connectionTimeoutMillis: (conninfo.connectTimeoutSeconds ?? 0) * 1000,
    ...(conninfo.applicationName === undefined ? {} : { application_name: conninfo.applicationName }),
    ...(conninfo.options === undefined ? {} : { options: conninfo.options }),
    keepAlive: conninfo.keepalives.enabled,
    keepAliveInitialDelayMillis: (conninfo.keepalives.idleSeconds ?? 0) * 1000,
  };
}
