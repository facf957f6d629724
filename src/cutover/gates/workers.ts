import { plural } from '../../core/format.js';
import { sql } from '../../postgres/sql-files.js';
import { type Finding, fails, type GateCheck, holds, some } from './gate.js';

export interface NodeTrouble {
  readonly node: string;
  readonly trouble: string;
}

export const assessWorkers = (workers: number, troubles: readonly NodeTrouble[]): Finding =>
  troubles.length === 0
    ? holds(`${plural(workers, 'worker')} and the coordinator reach one another and have the latest metadata`)
    : fails(
        some(troubles.map(({ node, trouble }) => `${node} ${trouble}`)),
        'Bring these nodes up; SELECT * FROM citus_check_cluster_node_health() shows who reaches whom.',
      );

export const workers: GateCheck = {
  gate: 'workers',
  title: 'every node is up',
  directions: ['forward'],
  async check({ target }) {
    if (target.kind === 'single') return holds('the target is a single node, and answers');
    const troubles = await target.session.query<NodeTrouble>(sql('cutover/nodes'), 'look at the nodes');
    return assessWorkers(target.nodes.length - 1, troubles);
  },
};
