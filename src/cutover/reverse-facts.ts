import type { Database } from '../citus/database.js';
import { reverseStatus } from '../dualwrite/reverse-status.js';
import { sql } from '../postgres/sql-files.js';
import type { ReverseFacts } from './gates/gate.js';

/** What the gate of the way back rests on: proven is what a pass has brought back, and nothing else. */
export async function reverseFacts(target: Database): Promise<ReverseFacts> {
  const status = await reverseStatus(target);
  if (status === null) return { installed: false, problems: [], provenAt: null };
  let provenAt: string | null = null;
  for (const node of target.nodes) {
    const session = await target.connect(node);
    try {
      const [row] = await session.query<{ at: string }>(
        sql('cutover/brought-back'),
        'look when changes came back',
      );
      if (row !== undefined && (provenAt === null || row.at > provenAt)) provenAt = row.at;
    } finally {
      await session.close();
    }
  }
  return { installed: true, problems: status.problems, provenAt };
}
