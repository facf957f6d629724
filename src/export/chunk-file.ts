import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import xxhash from 'xxhash-wasm';
import type { BufferPool } from '../core/buffer-pool.js';
import { MigrateError } from '../core/errors.js';
import { localError } from '../files/local-error.js';
import { type Compression, compress, compressionOf, decompress } from './compression.js';
import type { ManifestChunk } from './manifest.js';

const { create64 } = await xxhash();

/** Bytes gathered for one write: with 64 kB the system calls cost more than the copying. */
const WRITE_BYTES = 512 * 1024;
const READ_BYTES = 256 * 1024;

/** 16 hex digits. */
function hex(digest: bigint): string {
  return digest.toString(16).padStart(16, '0');
}

class Sink {
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #writing: Promise<void> = Promise.resolve();
  readonly #hash = create64();
  bytes = 0;

  /** `written` is told of every piece that is in the file. */
  constructor(
    private readonly handle: FileHandle,
    private readonly written: (piece: Buffer) => void,
  ) {}

  /** One write is under way while the next is gathered. */
  async add(piece: Buffer): Promise<void> {
    this.#hash.update(piece);
    this.bytes += piece.length;
    this.#pending.push(piece);
    this.#pendingBytes += piece.length;
    if (this.#pendingBytes >= WRITE_BYTES) await this.flush();
  }

  async flush(): Promise<void> {
    const batch = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    await this.#writing;
    this.#writing = batch.length > 0 ? this.#write(batch) : Promise.resolve();
    this.#writing.catch(() => {});
  }

  async #write(batch: Buffer[]): Promise<void> {
    await this.handle.writev(batch);
    for (const piece of batch) this.written(piece);
  }

  async finish(): Promise<string> {
    await this.flush();
    await this.#writing;
    await this.handle.sync();
    return hex(this.#hash.digest());
  }
}

/** Counts what passes; the generator's return value is the number of rows that the server reported. */
export interface Counted {
  readonly bytes: AsyncIterable<Buffer>;
  /** Valid once `bytes` has ended. */
  rows(): number;
}

/** Makes the return value of a COPY's generator readable after the loop. */
export function counted(source: AsyncGenerator<Buffer, number>): Counted {
  let rows = 0;
  async function* bytes(): AsyncGenerator<Buffer> {
    rows = yield* source;
  }
  return { bytes: bytes(), rows: () => rows };
}

/**
 * Writes one chunk; buffers of the source that have served go back to `pool`. The file gets its name only when it is complete and synced; whatever fails before leaves no
 * file, a killed process at most a `.part` file, which the next run removes. Throws LOCAL_DISK_FULL, LOCAL_IO, or what the source throws.
 */
export async function writeChunk(
  directory: string,
  file: string,
  compression: Compression,
  source: Counted,
  pool: BufferPool,
): Promise<ManifestChunk> {
  const path = join(directory, file);
  try {
    const handle = await open(`${path}.part`, 'w', 0o600);
    try {
      const done = (piece: Buffer): void => pool.give(piece);
      const plain = compression === 'none';
      const sink = new Sink(handle, plain ? done : () => {});
      const bytes = plain ? source.bytes : compress(compression, source.bytes, done);
      for await (const piece of bytes) await sink.add(piece);
      const xxh64 = await sink.finish();
      await rename(`${path}.part`, path);
      return { file, rows: source.rows(), bytes: sink.bytes, xxh64 };
    } finally {
      await handle.close();
    }
  } catch (error) {
    await rm(`${path}.part`, { force: true }).catch(() => {});
    throw localError(error, path);
  }
}

/** Why a chunk's file is not what the manifest says, by its size alone; undefined when it is. Throws LOCAL_IO. */
async function troubleWith(path: string, chunk: ManifestChunk): Promise<string | undefined> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw localError(error, path);
  });
  if (found === undefined) return 'is missing';
  return found.size === chunk.bytes ? undefined : `has ${found.size} bytes, the manifest says ${chunk.bytes}`;
}

export async function isWhole(directory: string, chunk: ManifestChunk): Promise<boolean> {
  return (await troubleWith(join(directory, chunk.file), chunk)) === undefined;
}

/** Throws DUMP_DAMAGED, naming all of them, when files are missing or of another size. Their bytes are not read. */
export async function requireFiles(directory: string, chunks: readonly ManifestChunk[]): Promise<void> {
  const found: string[] = [];
  for (const chunk of chunks) {
    const path = join(directory, chunk.file);
    const trouble = await troubleWith(path, chunk);
    if (trouble !== undefined) found.push(`${path} ${trouble}`);
  }
  if (found.length === 0) return;
  const more = found.length > 10 ? `; … (${found.length} files)` : '';
  throw new MigrateError('DUMP_DAMAGED', {
    message: `${found.slice(0, 10).join('; ')}${more}`,
    hint: 'Bring the files back, or export again into another directory and import that, with --truncate where chunks of this dump are loaded already. Nothing was loaded now.',
    context: { files: found.length },
  });
}

async function* hashed(path: string, chunk: ManifestChunk, pool: BufferPool): AsyncGenerator<Buffer> {
  const damaged = (why: string): MigrateError =>
    new MigrateError('DUMP_DAMAGED', { message: `${path} ${why}`, context: { file: chunk.file } });
  const trouble = await troubleWith(path, chunk);
  if (trouble !== undefined) throw damaged(trouble);
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw localError(error, path);
  });
  try {
    const { size } = await handle.stat();
    const hash = create64();
    for (let at = 0; at < size; ) {
      const { bytesRead, buffer } = await handle.read(pool.take(READ_BYTES), 0, READ_BYTES, at);
      if (bytesRead === 0) break;
      const piece = buffer.subarray(0, bytesRead);
      hash.update(piece);
      at += bytesRead;
      yield piece;
    }
    if (hex(hash.digest()) !== chunk.xxh64) throw damaged('does not have the digest that the manifest says');
  } finally {
    await handle.close();
  }
}

/**
 * The COPY stream of one chunk, in buffers that the reader may give to `pool` when they have served. Ends with DUMP_DAMAGED when the file is missing, has another size or another
 * digest, or cannot be decompressed: a consumer that commits only after the end commits nothing damaged.
 */
export async function* readChunk(
  directory: string,
  chunk: ManifestChunk,
  pool: BufferPool,
): AsyncGenerator<Buffer> {
  const path = join(directory, chunk.file);
  try {
    const compression = compressionOf(chunk.file);
    const bytes = hashed(path, chunk, pool);
    yield* compression === 'none' ? bytes : decompress(compression, bytes, (piece) => pool.give(piece));
  } catch (error) {
    if (error instanceof MigrateError) throw error;
    throw new MigrateError('DUMP_DAMAGED', {
      message: `${path} cannot be decompressed`,
      context: { file: chunk.file },
      cause: error,
    });
  }
}
