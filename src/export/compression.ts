import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
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

async function* through(
  transform: NodeJS.ReadWriteStream,
  source: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  const feeding = pipeline(Readable.from(source, { objectMode: true }), transform);
  // The failure is reported where the result is read; without a handler it would count as unhandled before that.
  feeding.catch(() => {});
  for await (const piece of transform) yield piece as Buffer;
  await feeding;
}

/** The bytes of `source` compressed. gzip works at its fastest level: vectors hardly shrink at any. */
export function compress(kind: Compression, source: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  if (kind === 'none') return source;
  if (kind === 'gzip') return through(zlib.createGzip({ level: 1, chunkSize: PIECE }), source);
  if (!zstd.createZstdCompress) {
    throw new MigrateError('DUMP_CODEC_MISSING', {
      message: `Node.js ${process.version} cannot write zstd`,
      hint: 'Use --compress gzip, or Node.js 22.15 or newer.',
    });
  }
  return through(zstd.createZstdCompress(), source);
}

/** The compression that a chunk file's name tells. */
export function compressionOf(file: string): Compression {
  return file.endsWith('.zst') ? 'zstd' : file.endsWith('.gz') ? 'gzip' : 'none';
}

/** The bytes of `source` decompressed; cut or damaged input ends in zlib's own error. */
export function decompress(kind: Compression, source: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  if (kind === 'none') return source;
  if (kind === 'gzip') return through(zlib.createGunzip({ chunkSize: PIECE }), source);
  if (!zstd.createZstdDecompress) {
    throw new MigrateError('DUMP_CODEC_MISSING', { message: `Node.js ${process.version} cannot read zstd` });
  }
  return through(zstd.createZstdDecompress(), source);
}
