import type { Transform } from 'node:stream';
import zlib from 'node:zlib';
import { MigrateError } from '../core/errors.js';

export type Compression = 'zstd' | 'gzip' | 'none';

/** Zstandard came to Node's zlib with 22.15. */
interface ZstdZlib {
  createZstdCompress?: () => zlib.BrotliCompress;
  createZstdDecompress?: () => zlib.BrotliDecompress;
}
const zstd = zlib as unknown as ZstdZlib;

export const SUFFIX: Readonly<Record<Compression, string>> = { zstd: '.zst', gzip: '.gz', none: '' };

/** What is used when nobody asks: Zstandard where the runtime has it, else gzip. */
export const DEFAULT_COMPRESSION: Compression = zstd.createZstdCompress ? 'zstd' : 'gzip';

/** Bytes that a compressor may hold back; larger pieces mean fewer steps through the stream machinery. */
const PIECE = 256 * 1024;

/** Writes `source` into `transform`, one piece ahead of its work. Rejects with what the source throws. */
async function feed(
  transform: Transform,
  source: AsyncIterable<Buffer>,
  done: (piece: Buffer) => void,
): Promise<void> {
  let busy = 0;
  let wake: (() => void) | undefined;
  const awake = (): void => wake?.();
  // Whatever ended it: what is still in it will not be reported any more.
  transform.once('close', awake);
  try {
    for await (const piece of source) {
      if (transform.destroyed) return;
      busy += 1;
      transform.write(piece, (error) => {
        busy -= 1;
        if (!error) done(piece);
        awake();
      });
      while (busy > 1 && !transform.destroyed) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
    transform.end();
  } catch (error) {
    transform.destroy(error as Error);
    throw error;
  } finally {
    transform.off('close', awake);
  }
}

async function* through(
  transform: Transform,
  source: AsyncIterable<Buffer>,
  done: (piece: Buffer) => void,
): AsyncGenerator<Buffer> {
  const feeding = feed(transform, source, done);
  // The failure is reported where the result is read; without a handler it would count as unhandled before that.
  feeding.catch(() => {});
  for await (const piece of transform) yield piece as Buffer;
  await feeding;
}

/**
 * The bytes of `source` compressed; `done` is told of each piece of the source that has been read. gzip works at its
 * fastest level: vectors hardly shrink at any.
 */
export function compress(
  kind: Exclude<Compression, 'none'>,
  source: AsyncIterable<Buffer>,
  done: (piece: Buffer) => void,
): AsyncIterable<Buffer> {
  if (kind === 'gzip') return through(zlib.createGzip({ level: 1, chunkSize: PIECE }), source, done);
  if (!zstd.createZstdCompress) {
    throw new MigrateError('DUMP_CODEC_MISSING', {
      message: `Node.js ${process.version} cannot write zstd`,
      hint: 'Use --compress gzip, or Node.js 22.15 or newer.',
    });
  }
  return through(zstd.createZstdCompress(), source, done);
}

/** The compression that a chunk file's name tells. */
export function compressionOf(file: string): Compression {
  return file.endsWith('.zst') ? 'zstd' : file.endsWith('.gz') ? 'gzip' : 'none';
}

/** The bytes of `source` decompressed; cut or damaged input ends in zlib's own error. `done` as for `compress`. */
export function decompress(
  kind: Exclude<Compression, 'none'>,
  source: AsyncIterable<Buffer>,
  done: (piece: Buffer) => void,
): AsyncIterable<Buffer> {
  if (kind === 'gzip') return through(zlib.createGunzip({ chunkSize: PIECE }), source, done);
  if (!zstd.createZstdDecompress) {
    throw new MigrateError('DUMP_CODEC_MISSING', { message: `Node.js ${process.version} cannot read zstd` });
  }
  return through(zstd.createZstdDecompress(), source, done);
}
