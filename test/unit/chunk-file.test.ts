import { randomBytes } from 'node:crypto';
import { appendFile, mkdir, mkdtemp, open, readdir, readFile, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BufferPool, LARGEST_BUFFER } from '../../src/core/buffer-pool.js';
import { counted, readChunk, writeChunk } from '../../src/export/chunk-file.js';
import type { Compression } from '../../src/export/compression.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'chunk-file-'));
  await mkdir(join(directory, 'data/public.t'), { recursive: true });
});
afterEach(() => rm(directory, { recursive: true }));

const PIECES = Array.from({ length: 50 }, (_, index) =>
  Buffer.alloc(50_000, String.fromCharCode(97 + (index % 26))),
);
const WHOLE = Buffer.concat(PIECES);

/** Buffers are spoiled as soon as they are given back: whoever still looks at them sees it. */
class Spoiling extends BufferPool {
  given = 0;

  override give(bytes: Buffer): void {
    this.given += 1;
    new Uint8Array(bytes.buffer).fill(0xee);
    super.give(bytes);
  }
}

let pool: Spoiling;
beforeEach(() => {
  pool = new Spoiling(1024 * 1024);
});

async function* rows(pieces: readonly Buffer[], count: number): AsyncGenerator<Buffer, number> {
  for (const piece of pieces) {
    const own = pool.take(LARGEST_BUFFER).subarray(0, piece.length);
    piece.copy(own);
    yield own;
  }
  return count;
}

async function read(chunk: Awaited<ReturnType<typeof writeChunk>>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of readChunk(directory, chunk, pool)) {
    pieces.push(Buffer.from(piece));
    pool.give(piece);
  }
  return Buffer.concat(pieces);
}

const write = (compression: Compression, file: string) =>
  writeChunk(directory, file, compression, counted(rows(PIECES, 50)), pool);

describe.each([
  ['none', 'data/public.t/000001.copy'],
  ['gzip', 'data/public.t/000001.copy.gz'],
] as const)('a chunk file with compression %s', (compression, file) => {
  test('comes back as it was written, with its rows, size and mode', async () => {
    const chunk = await write(compression, file);
    expect(chunk).toMatchObject({ file, rows: 50, bytes: (await stat(join(directory, file))).size });
    expect((await stat(join(directory, file))).mode & 0o777).toBe(0o600);
    expect((await read(chunk)).equals(WHOLE)).toBe(true);
    const onDisk = await readFile(join(directory, file));
    expect((compression === 'gzip' ? gunzipSync(onDisk) : onDisk).equals(WHOLE)).toBe(true);
  });

  test('gives every buffer back, of what was written and of what was read', async () => {
    const chunk = await write(compression, file);
    expect(pool.given).toBe(PIECES.length);
    pool.given = 0;
    const pieces = readChunk(directory, chunk, pool);
    for await (const _ of pieces);
    // Without compression they are the reader's to give back.
    expect(pool.given).toBe(compression === 'none' ? 0 : Math.ceil(chunk.bytes / LARGEST_BUFFER));
  });

  test('stays as it was written when buffers are filled again that were given back', async () => {
    // More than one read, and hardly compressible: the end of each read then lies within a buffer of zlib's.
    const noise = Array.from({ length: 60 }, () => randomBytes(50_000));
    const written = await writeChunk(directory, file, compression, counted(rows(noise, 60)), pool);
    const pieces: Buffer[] = [];
    const buffers = new BufferPool(1024 * 1024);
    for await (const piece of readChunk(directory, written, buffers)) {
      pieces.push(Buffer.from(piece));
      buffers.give(piece);
      const again = buffers.take(LARGEST_BUFFER);
      again.fill(0xee);
      buffers.give(again);
    }
    expect(Buffer.concat(pieces).equals(Buffer.concat(noise))).toBe(true);
  });

  test('is refused when a bit has flipped, wherever it is', async () => {
    const chunk = await write(compression, file);
    for (const place of [0, Math.floor(chunk.bytes / 2), chunk.bytes - 1]) {
      const handle = await open(join(directory, file), 'r+');
      const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, place);
      buffer[0]! ^= 1;
      await handle.write(buffer, 0, 1, place);
      await expect(read(chunk)).rejects.toMatchObject({ code: 'DUMP_DAMAGED' });
      buffer[0]! ^= 1;
      await handle.write(buffer, 0, 1, place);
      await handle.close();
    }
    expect((await read(chunk)).equals(WHOLE)).toBe(true);
  });

  test('is refused when it was cut short, grew, or is gone', async () => {
    const chunk = await write(compression, file);
    await appendFile(join(directory, file), 'x');
    await expect(read(chunk)).rejects.toMatchObject({ code: 'DUMP_DAMAGED' });
    await truncate(join(directory, file), chunk.bytes - 1);
    await expect(read(chunk)).rejects.toMatchObject({ code: 'DUMP_DAMAGED' });
    await rm(join(directory, file));
    await expect(read(chunk)).rejects.toMatchObject({
      code: 'DUMP_DAMAGED',
      message: expect.stringContaining('is missing'),
    });
  });

  test('leaves no file when its source breaks', async () => {
    async function* broken(): AsyncGenerator<Buffer, number> {
      yield Buffer.from(WHOLE);
      throw new Error('the source broke');
    }
    await expect(writeChunk(directory, file, compression, counted(broken()), pool)).rejects.toThrow(
      'the source broke',
    );
    expect(await readdir(join(directory, 'data/public.t'))).toEqual([]);
    expect((await read(await write(compression, file))).equals(WHOLE)).toBe(true);
  });
});

test('the digest is xxh64 as other programs compute it', async () => {
  const chunk = await writeChunk(
    directory,
    'data/public.t/000001.copy',
    'none',
    counted(rows([Buffer.from('a'), Buffer.from('bc')], 1)),
    pool,
  );
  // printf abc | xxhsum -H64
  expect(chunk.xxh64).toBe('44bc2cf5ad770999');
});
