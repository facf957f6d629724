import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { MigrateError } from '../core/errors.js';
import { writeWhole } from '../files/write-whole.js';

/** Raised with every change that an older reader would misread. */
export const FORMAT_VERSION = 1;
export const MANIFEST = 'manifest.json';

const count = z.number().int().nonnegative();

const Chunk = z.object({
  /** Relative to the dump directory. */
  file: z.string().regex(/^data\/[^/]+\/\d{6}\.copy(\.zst|\.gz)?$/),
  rows: count,
  /** Size of the file. */
  bytes: count,
  /** Of the file's bytes, 16 hex digits. */
  xxh64: z.string().regex(/^[0-9a-f]{16}$/),
});

const Table = z.object({
  table: z.string(),
  schema: z.string(),
  name: z.string(),
  columns: z.array(z.string()),
  format: z.enum(['binary', 'text']),
  rows: count,
  bytes: count,
  chunks: z.array(Chunk),
});

const Sequence = z.object({ schema: z.string(), name: z.string(), last: z.string().nullable() });

const Manifest = z.object({
  formatVersion: z.literal(FORMAT_VERSION),
  dumpId: z.string(),
  planHash: z.string(),
  direction: z.enum(['forward', 'reverse']),
  snapshot: z.string(),
  serverVersion: z.string(),
  database: z.string(),
  tables: z.array(Table),
  sequences: z.array(Sequence),
});

export type Manifest = z.infer<typeof Manifest>;
export type ManifestTable = z.infer<typeof Table>;
export type ManifestChunk = z.infer<typeof Chunk>;
export type SequenceValue = z.infer<typeof Sequence>;

/** A file of a dump: what a killed process leaves of it is written over by the next. */
export const writePart = (file: string, text: string): Promise<void> =>
  writeWhole(file, text, { part: `${file}.part` });

export async function writeManifest(directory: string, manifest: Manifest): Promise<void> {
  await writePart(join(directory, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** The manifest of a finished dump, or undefined when there is none. Throws DUMP_NEWER, DUMP_DAMAGED. */
export async function findManifest(directory: string): Promise<Manifest | undefined> {
  let text: string;
  try {
    text = await readFile(join(directory, MANIFEST), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new MigrateError('LOCAL_IO', { message: `Cannot read ${join(directory, MANIFEST)}`, cause: error });
  }
  return parseManifest(text, directory);
}

function parseManifest(text: string, directory: string): Manifest {
  const damaged = (why: string, cause?: unknown): MigrateError =>
    new MigrateError('DUMP_DAMAGED', {
      message: `${join(directory, MANIFEST)} is damaged: ${why}`,
      hint: 'Bring the file back, or export again into another directory and import that, with --truncate where chunks of this dump are loaded already. Nothing was loaded now.',
      cause,
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw damaged('it is not JSON, or was cut short', error);
  }
  const version = (value as { formatVersion?: unknown } | null)?.formatVersion;
  if (typeof version === 'number' && version > FORMAT_VERSION) {
    throw new MigrateError('DUMP_NEWER', {
      message: `The dump in ${directory} has format ${version}; this version of migrate reads up to ${FORMAT_VERSION}`,
    });
  }
  const parsed = Manifest.safeParse(value);
  if (!parsed.success) {
    const path = parsed.error.issues[0]!.path.join('.');
    throw damaged(path === '' ? 'it is no manifest' : `${path} is missing or not as it has to be`);
  }
  return parsed.data;
}

/** The manifest of a finished dump; DUMP_NOT_FOUND when the directory has none. */
export async function readManifest(directory: string): Promise<Manifest> {
  const manifest = await findManifest(directory);
  if (manifest === undefined) {
    throw new MigrateError('DUMP_NOT_FOUND', {
      message: `${directory} holds no finished dump (no ${MANIFEST})`,
    });
  }
  return manifest;
}
