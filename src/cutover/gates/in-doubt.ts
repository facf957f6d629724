import type { Database } from '../../citus/database.js';
import { onEachNode } from '../../citus/each-node.js';
import { plural } from '../../core/format.js';
import { sql } from '../../postgres/sql-files.js';
import { type Finding, fails, type GateCheck, holds, some } from './gate.js';

export interface Prepared {
  readonly node: string;
  readonly gids: readonly string[];
}

export function assessInDoubt(nodes: readonly Prepared[]): Finding {
  const found = nodes.flatMap(({ node, gids }) => gids.map((gid) => `${gid} on ${node}`));
  if (found.length === 0) return holds('no transaction is prepared and undecided on any node');
  return fails(
    `${plural(found.length, 'transaction')} prepared and undecided: ${some(found)}`,
    'Citus settles its own (citus_…) within a minute, or at once: SELECT recover_prepared_transactions(). Others: COMMIT PREPARED or ROLLBACK PREPARED, as the application that made them says.',
  );
}

async function read({ session, connector, options }: Database): Promise<Prepared[]> {
  const doing = 'look for prepared transactions';
  const rows = await onEachNode<string[]>(session, connector, sql('cutover/prepared'), doing);
  const name = (node: string): string =>
    connector.kind === 'single' ? `the ${options.side}` : `the ${options.side} node ${node}`;
  return rows.map(({ node, value }) => ({ node: name(node), gids: value }));
}

export const inDoubt: GateCheck = {
  gate: 'in-doubt',
  title: 'no prepared transaction is undecided',
  directions: ['forward', 'reverse'],
  async check({ source, target }) {
    return assessInDoubt((await Promise.all([read(source), read(target)])).flat());
  },
};
