import type { ErrorCode } from '../core/error-codes.js';
import { MigrateError } from '../core/errors.js';
import { withoutValues } from './redact-values.js';

/** Where a failure came from: what was being done, and on which server. */
export interface Scene {
  /** `source`, `target`, or a node's name. */
  server: string;
  /** What was being done, e.g. `load chunk 3 of memory_entries`. */
  doing?: string;
  /** Rows were being read, not written. */
  reading?: boolean;
}

/** By whole SQLSTATE, then by class. PostgreSQL's appendix A, "Error Codes". */
const BY_STATE: Readonly<Record<string, ErrorCode>> = {
  '28P01': 'AUTHENTICATION_FAILED',
  '28000': 'AUTHENTICATION_FAILED',
  '3D000': 'DATABASE_UNKNOWN',
  '53300': 'TOO_MANY_CONNECTIONS',
  '53100': 'TARGET_DISK_FULL',
  '53200': 'MEMORY_SHORT',
  '42501': 'RIGHTS_MISSING',
  '57014': 'CANCELLED',
  '40001': 'TRANSIENT',
  '40P01': 'TRANSIENT',
  '55P03': 'TRANSIENT',
  '25P03': 'CONNECTION_LOST',
  '57P01': 'CONNECTION_LOST',
  '57P02': 'CONNECTION_LOST',
  '57P03': 'CONNECTION_REFUSED',
};
const BY_CLASS: Readonly<Record<string, ErrorCode>> = {
  '08': 'CONNECTION_LOST',
  '22': 'ROW_REFUSED',
  '23': 'ROW_REFUSED',
};

/** By the system's error code, where no server answered. */
const BY_SYSTEM: Readonly<Record<string, ErrorCode>> = {
  ECONNREFUSED: 'CONNECTION_REFUSED',
  ENOTFOUND: 'CONNECTION_REFUSED',
  EAI_AGAIN: 'CONNECTION_REFUSED',
  EHOSTUNREACH: 'CONNECTION_REFUSED',
  ENETUNREACH: 'CONNECTION_REFUSED',
  ETIMEDOUT: 'CONNECTION_REFUSED',
  ENOENT: 'CONNECTION_REFUSED',
  ECONNRESET: 'CONNECTION_LOST',
  EPIPE: 'CONNECTION_LOST',
};

/** node-postgres gives these no code; they are its own words, not the server's. */
const BY_DRIVER: readonly (readonly [start: string, ErrorCode])[] = [
  ['Connection terminated', 'CONNECTION_LOST'],
  ['Client has encountered', 'CONNECTION_LOST'],
  ['Client was closed', 'CONNECTION_LOST'],
  ['timeout expired', 'CONNECTION_REFUSED'],
  ['The server does not support SSL', 'TLS_FAILED'],
  ['There was an error establishing an SSL', 'TLS_FAILED'],
  ['SASL:', 'AUTHENTICATION_FAILED'],
];

export interface ServerFields {
  code?: string;
  message?: string;
  severity?: string;
  where?: string;
  schema?: string;
  table?: string;
  column?: string;
  constraint?: string;
  dataType?: string;
  /** The C function that raised it. */
  routine?: string;
}

/** The SQLSTATE of a server's error, or of the server's error behind a MigrateError. */
export function sqlState(error: unknown): string | undefined {
  const { code, cause, severity } = (error ?? {}) as ServerFields & { cause?: unknown };
  if (severity !== undefined && code !== undefined) return code;
  return cause === undefined ? undefined : sqlState(cause);
}

/** What the server said, behind whatever the error was wrapped in. */
export function serverFields(error: unknown): ServerFields | undefined {
  const { cause, severity } = (error ?? {}) as ServerFields & { cause?: unknown };
  if (severity !== undefined) return error as ServerFields;
  return cause === undefined ? undefined : serverFields(cause);
}

/**
 * Citus passes a worker's refusal of a COPY through the coordinator on without its SQLSTATE (measured, 13.2: XX000
 * from this function for check, type and unique violations alike, and for a backend that was ended as well, which
 * src/load/copy-rows.ts tells apart). Where the worker could say nothing any more it is io_error.
 */
const CITUS_COPY_ERROR = 'ReportCopyError';

/**
 * The loss of a connection between coordinator and worker has no SQLSTATE of its own either (measured, 13.2). XX000:
 * from the first where the transaction has written on that worker, from the second where the worker's answer held no
 * SQLSTATE. 58030, io_error: while rows are sent, and at the end of a COPY.
 */
const CITUS_CONNECTION_LOST: Readonly<Record<string, readonly string[]>> = {
  XX000: ['MarkRemoteTransactionFailed', 'ReportResultError'],
  '58030': ['SendCopyDataToPlacement', 'EndRemoteCopy', CITUS_COPY_ERROR],
};

function codeOf({ code = '', severity, message = '', routine = '' }: ServerFields): ErrorCode {
  if (code === 'XX000' && routine === CITUS_COPY_ERROR) return 'ROW_REFUSED';
  if (CITUS_CONNECTION_LOST[code]?.includes(routine)) return 'CONNECTION_LOST';
  if (severity !== undefined) return BY_STATE[code] ?? BY_CLASS[code.slice(0, 2)] ?? 'SERVER_ERROR';
  if (BY_SYSTEM[code] !== undefined) return BY_SYSTEM[code];
  const driver = BY_DRIVER.find(([start]) => message.startsWith(start));
  if (driver !== undefined) return driver[1];
  if (/^(ERR_TLS|ERR_SSL|UNABLE_TO_|EPROTO)|CERT|CRL/.test(code)) return 'TLS_FAILED';
  return 'INTERNAL';
}

/** Errors about data: their words may be the data. */
const isAboutData = ({ code = '', severity }: ServerFields, ours: ErrorCode): boolean =>
  severity !== undefined && (ours === 'ROW_REFUSED' || /^2[23]/.test(code));

function messageOf(error: unknown, fields: ServerFields, code: ErrorCode): string {
  if (code === 'INTERNAL') return String(error);
  if (isAboutData(fields, code)) return withoutValues(fields);
  return (fields.message ?? String(error)).replace(/: ".*"$/s, '').replace(/\(.*\)=\(.*\)/s, '');
}

const CONVERSION_HINT =
  'A value there cannot be converted: see the types that the configuration maps to (types, and types of the table), or mend the value at the source.';

/** A driver's or server's error as one of ours; one of ours as it is. SQLSTATE decides, message text never. */
export function toMigrateError(error: unknown, scene: Scene): MigrateError {
  if (error instanceof MigrateError) return error;
  const fields = (error ?? {}) as ServerFields;
  const code = codeOf(fields);
  const said = messageOf(error, fields, code);
  const context: Record<string, string> = { server: scene.server };
  if (fields.severity !== undefined && fields.code) context.sqlstate = fields.code;
  for (const field of ['schema', 'table', 'column', 'constraint'] as const) {
    if (fields[field]) context[field] = fields[field];
  }
  return new MigrateError(code, {
    ...(code === 'ROW_REFUSED' && scene.reading ? { hint: CONVERSION_HINT } : {}),
    message: `${scene.doing ? `Could not ${scene.doing}` : 'Failed'} on ${scene.server}: ${said}`,
    context,
    cause: error,
  });
}
