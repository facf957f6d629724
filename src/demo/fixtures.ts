import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Session } from '../postgres/session.js';
import { type GeneratorOptions, generate } from './generator/generate.js';
import type { VectorType } from './generator/row-encoder.js';

const ROOT = fileURLToPath(new URL('../../fixtures/', import.meta.url));

export type FixtureName = 'memory-mesh' | 'type-zoo';

export interface FixtureOptions extends Partial<GeneratorOptions> {
  /** memory-mesh: rows of memory_entries; default 0, that is, the schema alone. */
  rows?: number;
  /** memory-mesh: default what the server has, by `availableVectorType`. */
  vectorType?: VectorType;
  /** type-zoo: size of its big values; default 1000. */
  bigBytes?: number;
  /** type-zoo: false leaves out its rows. */
  data?: boolean;
  signal?: AbortSignal;
}

/** Path of a file of a fixture, e.g. its `migrate.config.yaml`. */
export function fixturePath(fixture: FixtureName, file: string): string {
  return `${ROOT}${fixture}/${file}`;
}

/** The type of embeddings in the session's database: ruvector's, else pgvector's, else an array of plain PostgreSQL. */
export async function availableVectorType(session: Session): Promise<VectorType> {
  const { ruvector, vector } = await session.one<{ ruvector: boolean; vector: boolean }>(
    `SELECT to_regtype('public.ruvector') IS NOT NULL AS ruvector, to_regtype('public.vector') IS NOT NULL AS vector`,
  );
  if (ruvector) return 'ruvector(384)';
  return vector ? 'vector(384)' : 'real[]';
}

/** Makes a fixture's tables in the session's (empty) database, then their rows, then ANALYZE. */
export async function applyFixture(
  session: Session,
  fixture: FixtureName,
  options: FixtureOptions = {},
): Promise<void> {
  // The files are written for psql, whose sessions see the schema public.
  await session.query('SET search_path = public');
  try {
    if (fixture === 'memory-mesh') await applyMemoryMesh(session, options);
    else await applyTypeZoo(session, options);
    await session.query('ANALYZE');
  } finally {
    if (!session.closed) await session.query('SET search_path = pg_catalog');
  }
}

async function applyMemoryMesh(session: Session, options: FixtureOptions): Promise<void> {
  const type = options.vectorType ?? (await availableVectorType(session));
  await run(session, 'memory-mesh', 'schema.sql', { vector_type: type });
  const { rows = 0 } = options;
  if (rows > 0) await generate(session, { ...options, rows });
  if (type === 'real[]') return;
  await run(session, 'memory-mesh', 'vector-indexes.sql', {
    vector_ops: `${type.replace('(384)', '')}_cosine_ops`,
  });
}

async function applyTypeZoo(
  session: Session,
  { bigBytes = 1000, data = true }: FixtureOptions,
): Promise<void> {
  await run(session, 'type-zoo', 'schema.sql', {});
  if (data) await run(session, 'type-zoo', 'data.sql', { big_bytes: String(bigBytes) });
}

/** Fills in the variables as psql does with `-v`; the files use them outside of strings only. */
async function run(
  session: Session,
  fixture: FixtureName,
  file: string,
  variables: Readonly<Record<string, string>>,
): Promise<void> {
  let text = readFileSync(fixturePath(fixture, file), 'utf8');
  for (const [name, value] of Object.entries(variables)) text = text.replaceAll(`:${name}`, value);
  await session.query(text, `apply ${fixture}/${file}`);
}
