import type { Named } from '../core/catalog-types.js';
import { BINARY_HEADER, BINARY_TRAILER, BinaryRowSplitter } from '../core/copy-binary.js';
import { NO_KEY } from '../core/copy-rows.js';
import { TextRowSplitter } from '../core/copy-text.js';
import { MigrateError } from '../core/errors.js';
import { qualified } from '../core/names.js';
import { RowRouter } from '../core/router.js';
import type { ShardRows } from '../core/shard-buffers.js';
import { ShardMap } from '../core/shard-map.js';
import type { Session } from '../postgres/session.js';
import { serverFields } from '../postgres/sqlstate.js';
import { type BadRow, isolate, type Refusal } from './isolate.js';

type Format = 'binary' | 'text';

export interface RowCopy {
  readonly session: Session;
  /** COPY … FROM STDIN of whole rows, in the open transaction. */
  readonly statement: string;
  readonly format: Format;
  /** For messages: what is being loaded. */
  readonly doing: string;
  /** What Citus appends to the names of a shard's table and constraints. */
  readonly suffix?: string;
  /** The table, where a coordinator passes rows on to workers: then a refusal may be a lost connection between them. */
  readonly distributed?: Named;
}

export interface Isolation {
  /** The line in the error's context counts this COPY's rows; not so where Citus passes them on to workers. */
  readonly trustLines: boolean;
  /** Told of each refused row; may throw to stop. */
  bad(row: BadRow<Buffer>): void;
}

async function* framed(format: Format, pieces: readonly Buffer[]): AsyncGenerator<Buffer> {
  if (format === 'binary') yield BINARY_HEADER;
  yield* pieces;
  if (format === 'binary') yield BINARY_TRAILER;
}

/** The error with the names that people know: those of the table, not of its shard. */
function withoutSuffix(error: unknown, suffix: string | undefined): unknown {
  if (suffix === undefined || !(error instanceof MigrateError)) return error;
  const context = Object.fromEntries(
    Object.entries(error.context).map(([key, value]) => [
      key,
      typeof value === 'string' && value.endsWith(suffix) ? value.slice(0, -suffix.length) : value,
    ]),
  );
  const { code, message, hint, retry } = error;
  const renamed = message.replaceAll(`${suffix}"`, '"');
  return new MigrateError(code, { message: renamed, hint, retry, context, cause: error.cause });
}

async function copyWhole(
  { session, statement, format, doing, suffix }: RowCopy,
  pieces: readonly Buffer[],
  sent: number,
): Promise<void> {
  let arrived: number;
  try {
    arrived = await session.copyIn(statement, framed(format, pieces), doing);
  } catch (error) {
    throw withoutSuffix(error, suffix);
  }
  if (arrived === sent) return;
  throw new MigrateError('ROWS_DIFFER', {
    message: `Could not ${doing}: ${sent} rows were sent, but ${arrived} arrived`,
  });
}

function splitRows(format: Format, pieces: readonly Buffer[]): Buffer[] {
  const splitter = format === 'binary' ? new BinaryRowSplitter(NO_KEY) : new TextRowSplitter(NO_KEY);
  const rows: Buffer[] = [];
  const frame = format === 'binary' ? [BINARY_HEADER, ...pieces, BINARY_TRAILER] : pieces;
  for (const piece of frame) {
    splitter.push(piece, ({ buffer, start, ends, count }) => {
      for (let row = 0, from = start; row < count; from = ends[row]!, row += 1) {
        rows.push(Buffer.from(buffer.subarray(from, ends[row]!)));
      }
    });
  }
  splitter.end();
  return rows;
}

/**
 * Undoes what was written since the savepoint, and makes sure that the transaction can go on. Through a coordinator a
 * worker's backend that was ended looks like a refused row; a query of all shards meets the broken connection.
 */
async function undo({ session, distributed }: RowCopy, savepoint: string): Promise<void> {
  await session.query(`ROLLBACK TO SAVEPOINT ${savepoint}`);
  if (distributed !== undefined)
    await session.query(`SELECT FROM ${qualified(distributed)} LIMIT 1`, 'go on after a refused row');
}

/**
 * COPY of a stream as it comes; the first refused row ends it. `done` is told of each piece that is not needed any
 * more. Returns the number that arrived.
 */
export async function copyStream(
  copy: RowCopy,
  stream: AsyncIterable<Buffer>,
  done: (piece: Buffer) => void,
): Promise<number> {
  const { session, statement, doing, distributed } = copy;
  if (distributed === undefined) return session.copyIn(statement, stream, doing, done);
  await session.query('SAVEPOINT stream');
  try {
    return await session.copyIn(statement, stream, doing, done);
  } catch (error) {
    if (error instanceof MigrateError && error.code === 'ROW_REFUSED') await undo(copy, 'stream');
    throw error;
  }
}

/** COPY of a batch that is undone as a whole when one of its rows is refused; says which. */
async function attempt(
  copy: RowCopy,
  rows: readonly Buffer[],
  trustLines: boolean,
): Promise<Refusal | undefined> {
  await copy.session.query('SAVEPOINT batch');
  try {
    await copyWhole(copy, rows, rows.length);
    await copy.session.query('RELEASE SAVEPOINT batch');
    return undefined;
  } catch (error) {
    if (!(error instanceof MigrateError) || error.code !== 'ROW_REFUSED') throw error;
    await undo(copy, 'batch');
    const line = trustLines ? /, line (\d+)/.exec(serverFields(error)?.where ?? '')?.[1] : undefined;
    return { line: line === undefined ? undefined : Number(line), error };
  }
}

/** Copies rows; with `isolation` all but those that the target refuses. Returns the number that arrived. */
export async function copyRows(
  copy: RowCopy,
  batch: readonly ShardRows[],
  isolation?: Isolation,
): Promise<number> {
  const pieces = batch.map(({ bytes }) => bytes);
  const sent = batch.reduce((sum, { rows }) => sum + rows, 0);
  if (isolation === undefined) {
    await copyWhole(copy, pieces, sent);
    return sent;
  }
  let refused = 0;
  await isolate(
    splitRows(copy.format, pieces),
    (rows) => attempt(copy, rows, isolation.trustLines),
    (row) => {
      refused += 1;
      isolation.bad(row);
    },
  );
  return sent - refused;
}

/** Bytes of rows in one savepoint: what is copied again for each refused row. */
const BATCH_BYTES = 1024 * 1024;

/**
 * Copies a COPY stream in batches, all rows but those that the target refuses. `done` is told of each piece that is
 * not needed any more. Returns the number that arrived.
 */
export async function copyBatches(
  copy: RowCopy,
  stream: AsyncIterable<Buffer>,
  done: (piece: Buffer) => void,
  isolation: Isolation,
): Promise<number> {
  const router = new RowRouter({ format: copy.format, key: null, shards: ShardMap.single(0) });
  let arrived = 0;
  for await (const piece of stream) {
    router.push(piece);
    done(piece);
    if (router.bufferedBytes >= BATCH_BYTES) arrived += await copyRows(copy, router.flush(), isolation);
  }
  router.end();
  return arrived + (await copyRows(copy, router.flush(), isolation));
}
