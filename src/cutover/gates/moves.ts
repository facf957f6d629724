import { sql } from '../../postgres/sql-files.js';
import { type Finding, fails, type GateCheck, holds, some } from './gate.js';

export const assessMoves = (moves: readonly string[]): Finding =>
  moves.length === 0
    ? holds('no shard is being moved')
    : fails(
        `shards are being moved: ${some(moves)}`,
        'Wait until that is done: SELECT * FROM citus_rebalance_status(), or stop it: SELECT citus_rebalance_stop().',
      );

export const moves: GateCheck = {
  gate: 'moves',
  title: 'no shard is being moved',
  directions: ['forward', 'reverse'],
  async check({ target }) {
    if (target.kind === 'single') return holds('the target has no shards');
    const rows = await target.session.query<{ move: string }>(
      sql('cutover/moves'),
      'look for moves of shards',
    );
    return assessMoves(rows.map(({ move }) => move));
  },
};
