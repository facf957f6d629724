import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BINARY_HEADER, BINARY_TRAILER } from '../core/copy-binary.js';
import { copyColumns, qualified } from '../core/names.js';
import type { TablePlan } from '../core/plan-types.js';
import { columnsOf, type Direction } from '../plan/projection.js';
import { sqlState } from '../postgres/sqlstate.js';
import { newRefusedMemory } from './allowance.js';
import type { BadRow } from './isolate.js';

/** Rows that the target refused, kept in a folder of their own. */
export interface QuarantineOptions {
  readonly directory: string;
  /** Refused rows of the whole load, earlier runs included, above which it stops. */
  readonly maxBadRows: number;
}

/** The quarantine of one load into one target: no other load looks into its folder. */
export interface Quarantine extends QuarantineOptions {
  /** Name of its folder in `directory`. */
  readonly folder: string;
  readonly load: string;
  /** Identity of the database that refused the rows. */
  readonly target: string;
  /** See Allowance. */
  readonly refused: SharedArrayBuffer;
}

/** 16 hexadecimal digits tell a load into a target from all others: their files may be all that is left of rows. */
export function quarantineOf(options: QuarantineOptions, load: string, target: string): Quarantine {
  const folder = createHash('sha256').update(`${load}\n${target}`).digest('hex').slice(0, 16);
  return { ...options, folder, load, target, refused: newRefusedMemory() };
}

/** What is told of one refused row. The row itself is in the COPY file of the same name, at this position. */
export interface RefusedRow {
  readonly table: string;
  readonly chunk: string;
  readonly sqlstate: string;
  readonly constraint?: string;
  readonly column?: string;
  /** 1-based position in the COPY file. */
  readonly row: number;
}

async function writeSynced(path: string, parts: readonly (Buffer | string)[]): Promise<void> {
  const handle = await open(path, 'w', 0o600);
  try {
    // Not write: on a disk that is nearly full it may take only a part, without an error.
    for (const part of parts) await handle.writeFile(part);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The names of new files last only once their directory is on the disk too. */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Keeps the refused rows of one attempt: written and synced before the attempt commits, so that no row can be lost
 * between the two. Files of attempts that were never committed are left out when the quarantine is closed.
 */
export async function keepRefused(
  { directory, folder, load, target }: Quarantine,
  {
    table,
    chunk,
    direction,
    attempt,
  }: { table: TablePlan; chunk: string; direction: Direction; attempt: string },
  rows: readonly BadRow<Buffer>[],
): Promise<void> {
  if (rows.length === 0) return;
  const own = join(directory, folder);
  await mkdir(own, { recursive: true, mode: 0o700 });
  const told = rows.map(({ error }, index): RefusedRow => {
    const { constraint, column } = error.context as { constraint?: string; column?: string };
    return {
      table: table.table,
      chunk,
      sqlstate: sqlState(error) ?? String(error.context.sqlstate ?? ''),
      ...(constraint === undefined ? {} : { constraint }),
      ...(column === undefined ? {} : { column }),
      row: index + 1,
    };
  });
  const binary = table.format === 'binary';
  const bytes = rows.map(({ row }) => row);
  const name = join(own, attempt);
  const columns = copyColumns(columnsOf(table, direction).map((column) => column.name));
  const replay = `\\copy ${qualified(table)}${columns} FROM '${folder}/${attempt}.copy' (FORMAT ${table.format})`;
  await writeSynced(`${name}.copy`, binary ? [BINARY_HEADER, ...bytes, BINARY_TRAILER] : bytes);
  const about = { load, target, table: table.table, replay, rows: told };
  await writeSynced(`${name}.json`, [JSON.stringify(about, null, 1)]);
  await syncDirectory(own);
  await syncDirectory(directory);
}

export interface Quarantined {
  readonly load: string;
  readonly target: string;
  readonly table: string;
  /** The psql command that loads the file again, run in the quarantine's folder. */
  readonly replay: string;
  readonly rows: readonly RefusedRow[];
  /** COPY file of these rows. */
  readonly file: string;
}

/**
 * The refused rows of this load's attempts that were committed; those of its others are removed: their rows came
 * again.
 */
export async function readQuarantine(
  { directory, folder }: Pick<Quarantine, 'directory' | 'folder'>,
  committed: (attempt: string) => boolean,
): Promise<Quarantined[]> {
  const own = join(directory, folder);
  const files = await readdir(own).catch(() => [] as string[]);
  const found: Quarantined[] = [];
  for (const file of files.sort()) {
    const [, attempt, kind] = /^([0-9a-f-]{32,36})\.(json|copy)$/.exec(file) ?? [];
    if (attempt === undefined) continue;
    const path = join(own, file);
    // Each file by itself: a process that was killed between the two has left rows that nothing tells of.
    if (!committed(attempt)) await rm(path);
    else if (kind === 'json')
      found.push({
        ...JSON.parse(await readFile(path, 'utf8')),
        file: path.replace(/\.json$/, '.copy'),
      });
  }
  return found;
}
