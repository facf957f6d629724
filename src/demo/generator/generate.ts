import { abortReason } from '../../core/errors.js';
import { quoteList } from '../../core/names.js';
import type { Session } from '../../postgres/session.js';
import { sql } from '../../postgres/sql-files.js';
import { CopyBinaryEncoder } from './binary-encoder.js';
import { Random } from './random.js';
import type { VectorType } from './row-encoder.js';
import { type GeneratedTable, TABLES } from './tables.js';
import { CopyTextEncoder } from './text-encoder.js';
import { Zipf } from './zipf.js';

export interface GeneratorOptions {
  /** Of memory_entries; the other tables follow in fixed proportions. */
  rows: number;
  /** The same seed and options give the same bytes; default 1. */
  seed?: number;
  /** How many there are; default 200, or as many as there are rows. */
  namespaces?: number;
  /** Exponent of Zipf's law: 0 draws all namespaces alike; default 1. */
  zipf?: number;
}

/** Bytes of one piece handed to COPY. */
const PIECE = 256 * 1024;

/** A namespace's name; the ranks keep their order when sorted. */
const namespaceName = (rank: number): string => `team-${String(rank).padStart(4, '0')}`;

/** The tables in loading order, with the number of rows that each gets. */
export function generatedTables(options: GeneratorOptions): { table: GeneratedTable; rows: number }[] {
  const { rows, namespaces } = complete(options);
  return TABLES.map((table) => ({ table, rows: table.rows(rows, namespaces) }));
}

/** The format that a table with such embeddings is loaded in: ruvector's binary form is its own. */
const formatFor = (vector: VectorType): 'binary' | 'text' => (vector === 'ruvector(384)' ? 'text' : 'binary');

/** The COPY stream of one table, a piece at a time in constant memory. */
export function* tableStream(
  table: GeneratedTable,
  vector: VectorType,
  options: GeneratorOptions,
  format = formatFor(vector),
): Generator<Buffer> {
  const { rows, seed, namespaces, zipf } = complete(options);
  const random = new Random(seed, table.name);
  const ranks = new Zipf(namespaces, zipf);
  const names = Array.from({ length: namespaces }, (_, rank) => namespaceName(rank));
  const out = format === 'text' ? new CopyTextEncoder(vector) : new CopyBinaryEncoder(vector);
  const nodes = TABLES.find(({ name }) => name === 'graph_nodes')!.rows(rows, namespaces);
  const scene = { random, out, nodes, namespaces: names, namespace: () => names[ranks.rank(random.unit())]! };
  const count = table.rows(rows, namespaces);
  for (let index = 0; index < count; index += 1) {
    table.write(scene, index);
    if (out.size >= PIECE) yield out.take();
  }
  out.end();
  yield out.take();
}

/** Fills the empty tables of the memory-mesh fixture in the session's schema `public`. Returns rows per table. */
export async function generate(
  session: Session,
  options: GeneratorOptions & { signal?: AbortSignal },
): Promise<Record<string, number>> {
  const { type } = await session.one<{ type: VectorType }>(sql('demo/embedding-type'));
  const done: Record<string, number> = {};
  for (const { table } of generatedTables(options)) {
    const into = `COPY public.${table.name} (${quoteList(table.columns)}) FROM STDIN (FORMAT ${formatFor(type)})`;
    const pieces = untilAborted(tableStream(table, type, options), options.signal);
    done[table.name] = await session.copyIn(into, pieces, `generate ${table.name}`);
  }
  return done;
}

function complete({ rows, seed = 1, zipf = 1, ...given }: GeneratorOptions): Required<GeneratorOptions> {
  return { rows, seed, zipf, namespaces: given.namespaces ?? Math.max(1, Math.min(200, rows)) };
}

async function* untilAborted(pieces: Iterable<Buffer>, signal?: AbortSignal): AsyncGenerator<Buffer> {
  for (const piece of pieces) {
    if (signal?.aborted) throw abortReason(signal);
    yield piece;
  }
}
