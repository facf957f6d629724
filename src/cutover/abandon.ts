import type { Database } from '../citus/database.js';
import type { Context } from '../core/context.js';
import { MigrateError } from '../core/errors.js';
import type { OwnershipRow } from '../core/ownership.js';
import type { Plan } from '../core/plan-types.js';
import { isAbandoned } from '../dualwrite/abandoned.js';
import { Owners } from '../dualwrite/owners.js';
import { createRecord, readEvidence, recordEvidence, recordPhase } from '../ledger/record.js';
import { advanceSequences } from '../load/sequences.js';
import type { LostNode } from './not-back.js';
import { readOwnership } from './standing.js';

export interface Abandoned {
  /** Units that the source takes writes of again; 0: it does since an earlier run. */
  readonly units: number;
  readonly epoch: number;
  readonly nodes: readonly LostNode[];
  /** When the last move, or the last pass of `sync` that was recorded, ended; null: none was. */
  readonly lastKnownAt: string | null;
  /** Whether the cluster refuses writes now; false: it was not reached. */
  readonly closed: boolean;
}

export interface AbandonRequest {
  readonly source: Database;
  /** Why the cluster cannot be asked. */
  readonly why: string;
  /** By which sequences are found; undefined: there is none. */
  readonly plan: Plan | undefined;
  /** Asks one node that may still answer. */
  look(node: string): Promise<LostNode>;
}

/** Longest look for the largest id of a table: without an index it may take long, and nobody can write meanwhile. */
const LOOK_MS = 10_000;

/** Groups that the workers of a cluster which cannot be asked may have: ids of theirs are not the source's to pass. */
const ANY_WORKERS = Array.from({ length: 64 }, (_, at) => at + 1);

/** Nodes of the cluster as the last move wrote them down on the source. */
async function knownNodes(source: Database): Promise<{ names: string[]; at: string | null }> {
  const evidence = await readEvidence(source.session);
  const moves = evidence.filter(({ kind }) => kind === 'move');
  const nodes = moves.at(-1)?.detail.nodes;
  const last = evidence.filter(({ kind }) => kind === 'move' || kind === 'sync').at(-1);
  return { names: Array.isArray(nodes) ? nodes.map(String) : [], at: last?.at ?? null };
}

const largestEpoch = (rows: readonly OwnershipRow[]): number => Math.max(...rows.map((row) => row.epoch));

/** Whether an earlier run has opened the source already. Throws PHASE_REFUSED where the source has every write anyway. */
export async function wasAbandoned(source: Database): Promise<boolean> {
  if (await isAbandoned(source)) return true;
  const rows = (await readOwnership(source.session)) ?? [];
  if (rows.some(({ owner }) => owner === 'target')) return false;
  throw new MigrateError('PHASE_REFUSED', {
    message: 'The source takes every write already: there is nothing to abandon',
  });
}

/**
 * Past every id that has come back: the target gave them out, and the source's own sequences have not moved since the
 * cut-over. What cannot be done in time is told, and keeps nobody from writing.
 */
async function passIds({ source, plan }: AbandonRequest, { log }: Context): Promise<void> {
  if (plan === undefined) {
    log.warn(
      'There is no plan to find sequences by: move them past the largest ids before rows are inserted (setval)',
    );
    return;
  }
  const session = await source.connect();
  try {
    await session.query(`SET statement_timeout = ${LOOK_MS}`);
    await advanceSequences(session, { workers: ANY_WORKERS, plan, tables: plan.tables, sequences: [] }, log);
  } catch (error) {
    if (!(error instanceof MigrateError)) throw error;
    log.warn(
      `Not all sequences are past the ids that have come back, and may give them out again: ${error.message}`,
    );
  } finally {
    await session.close();
  }
}

/**
 * Opens the source for every unit at once, without the cluster: a later move than any that it knows of, so that
 * whoever reads both sides believes the source. What had been captured on the cluster and had not come back is missing
 * on the source; what can be known of it now is recorded there, the rest when the nodes are back (`lookAgain`).
 */
export async function abandon(request: AbandonRequest, context: Context): Promise<Abandoned> {
  const { source, why } = request;
  const owners = await Owners.open(source, context);
  try {
    const rows = await owners.read();
    const units = rows.filter(({ owner }) => owner === 'target').map(({ unit }) => unit);
    const epoch = largestEpoch(rows) + 1;
    const { names, at } = await knownNodes(source);
    await createRecord(source.session);
    // Before the decision: whatever happens next, it is on record that nobody waited for these nodes.
    await recordEvidence(source.session, 'abandoned', {
      ...{ why, units: units.length, epoch, nodes: names, lastKnownAt: at },
    });
    await passIds(request, context);
    await context.fail('rollback: before the source is opened alone');
    // In one commit: from then on nothing may travel between the two any more.
    await owners.take(units, epoch, (session) => recordPhase(session, 'failed', { abandoned: true }));
    await context.fail('rollback: after the source was opened alone');
    // Nobody waits for these looks any more.
    const nodes = await lookAt(request, names);
    return { units: units.length, epoch, nodes, lastKnownAt: at, closed: false };
  } finally {
    await owners.close();
  }
}

/** What each node tells, recorded on the source: numbers alone. */
async function lookAt({ source, look }: AbandonRequest, names: readonly string[]): Promise<LostNode[]> {
  const nodes: LostNode[] = [];
  for (const name of names) nodes.push(await look(name));
  await recordEvidence(source.session, 'not-back', { nodes });
  return nodes;
}

/** Tells every node of the cluster that its writes belong to the source. False: not all could be told. */
async function close(target: Database, rows: readonly OwnershipRow[], context: Context): Promise<boolean> {
  try {
    const owners = await Owners.open(target, context);
    try {
      await owners.follow(rows);
    } finally {
      await owners.close();
    }
    return true;
  } catch (error) {
    if (!(error instanceof MigrateError) || error.retry === 'never') throw error;
    context.log.warn(`The cluster is not closed yet: ${error.message}`);
    return false;
  }
}

/**
 * Another look behind `abandon`, when nodes are back. A cluster that answers is closed first: it has not heard that
 * its writes belong to the source. Changes nothing else.
 */
export async function lookAgain(
  request: AbandonRequest,
  target: Database | undefined,
  context: Context,
): Promise<Abandoned> {
  const { source } = request;
  const rows = (await readOwnership(source.session)) ?? [];
  const closed = target !== undefined && (await close(target, rows, context));
  const { names, at } = await knownNodes(source);
  const all = new Set([...names, ...(target?.nodes ?? []).map(({ name }) => name)]);
  const nodes = await lookAt(request, [...all]);
  return { units: 0, epoch: largestEpoch(rows), nodes, lastKnownAt: at, closed };
}
