import { createHash } from 'node:crypto';
import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';

/** What is equal on both sides when the rows are, and (but for a collision of SHA-256) only then. */
export interface SortedCopy {
  readonly rows: number;
  /** Of the COPY text, in hexadecimal. */
  readonly sha256: string;
}

/** Everything that changes how a value prints. */
const PINNED = `
  SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; SET TimeZone = 'UTC'; SET extra_float_digits = 3;
  SET bytea_output = 'hex'; SET lc_monetary = 'C'; SET client_encoding = 'UTF8'; SET row_security = off;
`;

/**
 * The independent oracle: COPY of a SELECT with an ORDER BY of the caller, hashed as it streams by. It shares no
 * code with the product: neither its sessions nor its digests.
 */
export async function sortedCopy(url: string, select: string): Promise<SortedCopy> {
  if (!/\border\s+by\b/i.test(select)) throw new Error('sortedCopy needs an ORDER BY');
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(PINNED);
    const stream = client.query(copyTo(`COPY (${select}) TO STDOUT`));
    const hash = createHash('sha256');
    for await (const chunk of stream) hash.update(chunk as Buffer);
    // The count comes after the last row: a further answer of the server is proof that it has come.
    await client.query('SELECT');
    return { rows: stream.rowCount, sha256: hash.digest('hex') };
  } finally {
    await client.end();
  }
}
