import type { Conninfo } from './conninfo.js';
import { type ServerFields, sqlState } from './sqlstate.js';

export type SessionAttrs = Conninfo['targetSessionAttrs'];

export interface ServerRole {
  /** In recovery: a hot standby. */
  readonly standby: boolean;
  /** New transactions are read-only by default, because of a setting. */
  readonly readOnly: boolean;
}

/**
 * Why a server is not the one that target_session_attrs asks for; undefined: it is (libpq-connect,
 * "target_session_attrs"). A standby counts as read-only. `prefer-standby` is asked for in two passes.
 */
export function unmet(attrs: SessionAttrs, { standby, readOnly }: ServerRole): string | undefined {
  switch (attrs) {
    case 'read-write':
      return standby ? 'is a standby' : readOnly ? 'is read-only' : undefined;
    case 'read-only':
      return standby || readOnly ? undefined : 'is not read-only';
    case 'primary':
      return standby ? 'is a standby' : undefined;
    case 'standby':
    case 'prefer-standby':
      return standby ? undefined : 'is no standby';
    case 'any':
      return undefined;
  }
}

/** What is asked of the hosts, pass by pass: a preference is a demand first and none afterwards. */
export const passesOf = (attrs: SessionAttrs): readonly SessionAttrs[] =>
  attrs === 'prefer-standby' ? ['standby', 'any'] : [attrs];

/** ERRCODE_CANNOT_CONNECT_NOW: the server starts up, shuts down, or is a standby that takes no connections. */
const CANNOT_CONNECT_NOW = '57P03';

/** No connection came about, by the system's error code. */
const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ETIMEDOUT',
  'EADDRNOTAVAIL',
  'ENOENT',
  'EACCES',
]);

/**
 * True when libpq would go on to the next host: none could be reached here, or the server cannot take connections
 * now. Every other answer, such as a refused login, is final (libpq-connect, "Specifying Multiple Hosts"), and so is
 * a connection that is closed before the server answers (measured with psql 15).
 */
export function triesNextHost(error: unknown): boolean {
  const state = sqlState(error);
  if (state !== undefined) return state === CANNOT_CONNECT_NOW;
  const { code = '', message = '' } = (error ?? {}) as ServerFields;
  // The second is node-postgres' own word for connect_timeout. Node.js gathers the addresses of one name.
  return UNREACHABLE.has(code) || message.startsWith('timeout expired') || error instanceof AggregateError;
}
