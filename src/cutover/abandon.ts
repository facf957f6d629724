import type { Database } from '../citus/database.js';
import type { Context } from '../core/context.js';
import { MigrateError } from '../core/errors.js';
import { Owners } from '../dualwrite/owners.js';
import { createRecord, readEvidence, recordEvidence, recordPhase } from '../ledger/record.js';

/** What is known of a node that is left behind. */
export interface LostNode {
  readonly node: string;
  /** What had been captured there and not come back; null: nobody can tell. */
  readonly changes: number | null;
  readonly reason: string;
}

export interface Abandoned {
  /** Units that the source takes writes of again. */
  readonly units: number;
  readonly epoch: number;
  readonly nodes: readonly LostNode[];
  /** When the last move, or the last pass of `sync` that was recorded, ended; null: none was. */
  readonly lastKnownAt: string | null;
}

/** Nodes of the cluster as the last move wrote them down on the source. */
async function knownNodes(source: Database): Promise<{ names: string[]; at: string | null }> {
  const evidence = await readEvidence(source.session);
  const moves = evidence.filter(({ kind }) => kind === 'move');
  const nodes = moves.at(-1)?.detail.nodes;
  const last = evidence.filter(({ kind }) => kind === 'move' || kind === 'sync').at(-1);
  return { names: Array.isArray(nodes) ? nodes.map(String) : [], at: last?.at ?? null };
}

/**
 * Opens the source for every unit at once, without the cluster: a later move than any that it knows of, so that
 * whoever reads both sides believes the source. What had been captured on the cluster and had not come back is missing
 * on the source; what can be known of it is recorded there for ever. `look` asks one node that may still answer.
 */
export async function abandon(
  source: Database,
  why: string,
  look: (node: string) => Promise<LostNode>,
  context: Context,
): Promise<Abandoned> {
  const owners = await Owners.open(source, context);
  try {
    const rows = await owners.read();
    const units = rows.filter(({ owner }) => owner === 'target').map(({ unit }) => unit);
    if (units.length === 0) {
      throw new MigrateError('PHASE_REFUSED', {
        message: 'The source takes every write already: there is nothing to abandon',
      });
    }
    const { names, at } = await knownNodes(source);
    const nodes: LostNode[] = [];
    for (const node of names) nodes.push(await look(node));
    const epoch = Math.max(...rows.map((row) => row.epoch)) + 1;
    await createRecord(source.session);
    // Before the decision: whatever happens next, it is on record that nobody waited for these nodes.
    await recordEvidence(source.session, 'abandoned', {
      why,
      units: units.length,
      epoch,
      nodes,
      lastKnownAt: at,
    });
    await context.fail('rollback: before the source is opened alone');
    await owners.take(units, epoch);
    await context.fail('rollback: after the source was opened alone');
    await recordPhase(source.session, 'failed', { abandoned: true });
    return { units: units.length, epoch, nodes, lastKnownAt: at };
  } finally {
    await owners.close();
  }
}
