import type { Database } from '../citus/database.js';
import type { Context } from '../core/context.js';
import type { ErrorCode } from '../core/error-codes.js';
import { MigrateError } from '../core/errors.js';
import type { FollowRequest } from '../dualwrite/follower.js';
import { proveWayBack } from '../dualwrite/probe.js';
import { reverseStatus } from '../dualwrite/reverse-status.js';
import { createRecord, type EvidenceRow, readEvidence, recordEvidence } from '../ledger/record.js';
import { sql } from '../postgres/sql-files.js';
import type { ReverseFacts } from './gates/gate.js';

/** Kind of the evidence that a proof leaves in the cluster's record. */
const KIND = 'way-back';

/** A command that moves writes takes a proof that is younger than that, and makes one of its own otherwise. */
export const FRESH_MS = 10 * 60_000;

/** What a pass says that can bring nothing back until somebody has done something about it. */
const CLOSED: readonly ErrorCode[] = [
  'CAPTURE_LOST',
  'ROWS_DIFFER',
  'SCHEMA_DRIFT',
  'SHIM_DIFFERS',
  'SHIM_MISSING',
  'WAY_BACK_CLOSED',
];

/** What a proof is a proof of: this capture, on these nodes, with its shards in these places. */
interface Marks {
  readonly capture: string;
  readonly places: string;
}

async function readMarks({ session, kind }: Database): Promise<Marks> {
  const read = async (file: string): Promise<string> =>
    (await session.one<{ mark: string }>(sql(file), 'look at the capture and its nodes')).mark;
  return {
    capture: await read('cutover/capture-mark'),
    places: kind === 'citus' ? await read('cutover/places-mark') : '',
  };
}

/** Why the last proof is one no longer; undefined: it is. */
function doubt(proof: EvidenceRow | undefined, marks: Marks): string | undefined {
  if (proof === undefined) return 'nothing was written yet to try it';
  if (proof.detail.capture !== marks.capture)
    return 'the capture was installed anew, or for other tables, since it was last tried';
  if (proof.detail.places !== marks.places)
    return 'a node or a shard has changed its place since it was last tried';
  return undefined;
}

const strings = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);

/** What the gate of the way back rests on: what was written to try it, on every node, and came back. Reads only. */
export async function reverseFacts(target: Database): Promise<ReverseFacts> {
  const status = await reverseStatus(target);
  if (status === null) return { installed: false, problems: [], provenAt: null };
  const proof = (await readEvidence(target.session, KIND)).at(-1);
  const unproven = doubt(proof, await readMarks(target));
  const base = { installed: true, problems: status.problems };
  if (unproven !== undefined) return { ...base, provenAt: null, unproven };
  const { at, detail } = proof!;
  if (detail.holds !== true) return { ...base, provenAt: null, failed: strings(detail.problems) };
  return { ...base, provenAt: at, nodes: strings(detail.nodes) };
}

/**
 * The same behind a try of its own, which is recorded; none is made where one is younger than `maxAgeMs`, or could
 * tell nothing. Throws what keeps it from being tried.
 */
export async function provenFacts(
  request: FollowRequest,
  maxAgeMs: number,
  context: Context,
): Promise<ReverseFacts> {
  const { target } = request;
  const before = await reverseFacts(target);
  const { installed, problems, provenAt } = before;
  const fresh = provenAt !== null && context.clock.now() - Date.parse(provenAt) < maxAgeMs;
  if (!installed || problems.length > 0 || fresh) return before;
  await prove(request, context);
  return reverseFacts(target);
}

/** Tries the way back, and records on the cluster what came of it. */
async function prove(request: FollowRequest, context: Context): Promise<void> {
  const { target } = request;
  const marks = await readMarks(target);
  let found: object;
  try {
    found = await proveWayBack(request, context);
  } catch (error) {
    if (!(error instanceof MigrateError) || !CLOSED.includes(error.code)) throw error;
    found = { holds: false, problems: [error.message], code: error.code };
  }
  await createRecord(target.session);
  await recordEvidence(target.session, KIND, { ...found, ...marks });
}
