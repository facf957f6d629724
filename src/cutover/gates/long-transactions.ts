import { formatDuration } from '../../core/format.js';
import { sql } from '../../postgres/sql-files.js';
import { type Finding, fails, type GateCheck, holds, sidesOf, some } from './gate.js';

export interface LongTransaction {
  readonly pid: number;
  readonly application: string;
  readonly state: string | null;
  readonly ms: number;
}

export const assessTransactions = (found: readonly LongTransaction[], limit: number): Finding =>
  found.length === 0
    ? holds(`no transaction of others is older than ${formatDuration(limit)}`)
    : fails(
        some(
          found.map(
            ({ pid, application, state, ms }) =>
              `process ${pid} (${application}, ${state ?? 'state not shown to this role'}) for ${formatDuration(ms)}`,
          ),
        ),
        'Let them end, or end them: SELECT pg_terminate_backend(PID). A writer that does not end cancels the attempt.',
      );

export const longTransactions: GateCheck = {
  gate: 'long-transactions',
  title: 'no long transaction is open',
  directions: ['forward', 'reverse'],
  async check(request) {
    const ms = request.limits.longTransaction;
    const { session } = sidesOf(request).giving;
    const statement = sql('cutover/transactions', { ms });
    const found = await session.query<LongTransaction>(statement, 'look for long transactions');
    return assessTransactions(found, ms);
  },
};
