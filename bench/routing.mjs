// What one thread can route: hash, split, and split + hash + regroup, over streams made in memory.
// Run: npm run build && node bench/routing.mjs

import { BINARY_HEADER, BINARY_TRAILER, BinaryRowSplitter } from '../dist/core/copy-binary.js';
import { TextRowSplitter } from '../dist/core/copy-text.js';
import { hashBytes, wireHash } from '../dist/core/hash.js';
import { RowRouter } from '../dist/core/router.js';
import { ShardMap } from '../dist/core/shard-map.js';

const SHARDS = 32;
const PIECE = 64 * 1024;
const FLUSH_AT = 16 * 1024 * 1024;
const ROUNDS = 5;

const key = { field: 0, hashFunction: 'hashtext', type: 'text' };
const shards = new ShardMap(
  Array.from({ length: SHARDS }, (_, index) => ({
    shardId: index,
    min: -(2 ** 31) + index * (2 ** 32 / SHARDS),
    max: -(2 ** 31) + (index + 1) * (2 ** 32 / SHARDS) - 1,
  })),
);
const unevenShards = new ShardMap(
  shards.ranges.flatMap((range) =>
    range.shardId === 0
      ? [
          { ...range, max: range.min + 10 },
          { ...range, shardId: 'split', min: range.min + 11 },
        ]
      : [range],
  ),
);

const namespace = (row) => `namespace-${(row * 7919) % 5003}`;
const int4 = (value) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const narrow = (row) => [Buffer.from(namespace(row)), int4(row), Buffer.from(`key-${row}`), int4(row % 7)];
const vector = (row) => [...narrow(row), Buffer.alloc(4 + 384 * 4, row % 251)];
const vectorText = `[${Array.from({ length: 384 }, (_, index) => (Math.sin(index) / 3).toFixed(8)).join(',')}]`;

function binaryStream(rows, fieldsOf) {
  const parts = [BINARY_HEADER];
  for (let row = 0; row < rows; row++) {
    const fields = fieldsOf(row);
    const count = Buffer.alloc(2);
    count.writeInt16BE(fields.length);
    parts.push(count);
    for (const field of fields) parts.push(int4(field.length), field);
  }
  parts.push(BINARY_TRAILER);
  return Buffer.concat(parts);
}

function textStream(rows, tail) {
  const lines = [];
  for (let row = 0; row < rows; row++)
    lines.push(`${namespace(row)}\t${row}\tkey-${row}\t${row % 7}${tail}\n`);
  return Buffer.from(lines.join(''));
}

function pieces(stream) {
  const all = [];
  for (let at = 0; at < stream.length; at += PIECE) all.push(stream.subarray(at, at + PIECE));
  return all;
}

/** Prints the best and the median of the rounds after one to warm up. */
function measure(name, rows, bytes, work) {
  work();
  const seconds = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint();
    work();
    seconds.push(Number(process.hrtime.bigint() - start) / 1e9);
  }
  seconds.sort((left, right) => left - right);
  const rate = (time) => (rows / time / 1e6).toFixed(2).padStart(7);
  const megabytes = (bytes / seconds[0] / 1e6).toFixed(0).padStart(6);
  console.log(
    `${name.padEnd(44)} best ${rate(seconds[0])} M/s, median ${rate(seconds[ROUNDS >> 1])} M/s, ${megabytes} MB/s`,
  );
}

let sink = 0;

function hashing(name, hash, length) {
  const count = 2_000_000;
  const bytes = Buffer.alloc(4096 + length);
  for (let index = 0; index < bytes.length; index++) bytes[index] = (index * 31) & 0xff;
  measure(name, count, count * length, () => {
    for (let index = 0; index < count; index++) {
      const start = index & 4095;
      sink ^= hash(bytes, start, start + length);
    }
  });
}

function splitting(name, make, stream, rows) {
  const all = pieces(stream);
  measure(name, rows, stream.length, () => {
    const splitter = make();
    for (const piece of all) splitter.push(piece, (list) => (sink ^= list.ends[list.count - 1]));
    splitter.end();
    if (splitter.rows !== rows) throw new Error('rows were lost');
  });
}

function routing(name, options, stream, rows) {
  const all = pieces(stream);
  measure(name, rows, stream.length, () => {
    const router = new RowRouter(options);
    let routed = 0;
    const take = () => {
      for (const part of router.flush()) routed += part.rows;
    };
    for (const piece of all) {
      router.push(piece);
      if (router.bufferedBytes >= FLUSH_AT) take();
    }
    router.end();
    take();
    if (routed !== rows) throw new Error('rows were lost');
  });
}

console.log(`Node ${process.version}, ${SHARDS} shards, pieces of ${PIECE / 1024} KiB, one thread`);
hashing('hashBytes, 20 bytes', hashBytes, 20);
hashing('hashint8 from the wire', wireHash('hashint8'), 8);
hashing('uuid_hash from the wire', wireHash('uuid_hash'), 16);
measure('route, even ranges', 2_000_000, 0, () => {
  for (let index = 0; index < 2_000_000; index++) sink ^= shards.route(Math.imul(index, 0x9e3779b9));
});
measure('route, uneven ranges', 2_000_000, 0, () => {
  for (let index = 0; index < 2_000_000; index++) sink ^= unevenShards.route(Math.imul(index, 0x9e3779b9));
});

const NARROW = 1_000_000;
const narrowStream = binaryStream(NARROW, narrow);
splitting('binary split, narrow rows', () => new BinaryRowSplitter(0), narrowStream, NARROW);
routing(
  'binary split + hash + regroup, narrow rows',
  { format: 'binary', key, shards },
  narrowStream,
  NARROW,
);
routing(
  'binary, narrow rows, not distributed',
  { format: 'binary', key: null, shards: ShardMap.single(1) },
  narrowStream,
  NARROW,
);
const narrowText = textStream(NARROW, '');
splitting('text split, narrow rows', () => new TextRowSplitter(0), narrowText, NARROW);
routing('text split + hash + regroup, narrow rows', { format: 'text', key, shards }, narrowText, NARROW);

const WIDE = 100_000;
const wideStream = binaryStream(WIDE, vector);
splitting('binary split, vector(384) rows', () => new BinaryRowSplitter(0), wideStream, WIDE);
routing('binary split + hash + regroup, vector(384)', { format: 'binary', key, shards }, wideStream, WIDE);
const wideText = textStream(WIDE / 4, `\t${vectorText}`);
routing('text split + hash + regroup, vector(384)', { format: 'text', key, shards }, wideText, WIDE / 4);
if (sink === 0.5) console.log(sink);
