import { connect } from '../../postgres/connect.js';
import { resolveConninfo } from '../../postgres/conninfo.js';
import type { Session } from '../../postgres/session.js';

/** The user's PG* variables are about other servers: they have no say here. */
const ENVIRONMENT = { PGSSLMODE: 'disable' };

/** A session with a throw-away server, as its superuser. */
export function openSession(url: string, signal?: AbortSignal): Promise<Session> {
  const options = { server: 'throw-away server', applicationName: 'migrate', ...(signal && { signal }) };
  return connect(resolveConninfo(url, ENVIRONMENT), options);
}
