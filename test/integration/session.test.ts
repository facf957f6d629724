import { describe, expect, test } from 'vitest';
import { connect } from '../../src/postgres/connect.js';
import { resolveConninfo } from '../../src/postgres/conninfo.js';
import type { Session } from '../../src/postgres/session.js';
import { freshSource } from '../support/databases.js';

const open = (url: string, readOnly = false): Promise<Session> =>
  connect(resolveConninfo(url, {}), { server: 'target', applicationName: 'migrate test', readOnly });

async function* pieces(...texts: string[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text);
}

async function collect(source: AsyncGenerator<Buffer, number>): Promise<{ text: string; rows: number }> {
  let text = '';
  for (;;) {
    const { done, value } = await source.next();
    if (done) return { text, rows: value };
    text += value.toString();
  }
}

describe('a session', () => {
  test('pins what changes how values print, against odd defaults of the database', async () => {
    const { url, client } = await freshSource();
    const name = new URL(url).pathname.slice(1);
    for (const setting of [
      "DateStyle = 'German'",
      "TimeZone = 'Asia/Tokyo'",
      'extra_float_digits = 0',
      "bytea_output = 'escape'",
    ]) {
      await client.query(`ALTER DATABASE ${name} SET ${setting}`);
    }
    const session = await open(url);
    const row = await session.one<{ text: string }>(
      `SELECT concat_ws(' ', timestamptz '2024-02-03 04:05:06+00', 0.1::float4::float8, '\\x00'::bytea) AS text`,
    );
    expect(row.text).toBe('2024-02-03 04:05:06+00 0.10000000149011612 \\x00');
    await session.close();
  });

  test.each([
    ['off', 'local'],
    ['remote_apply', 'remote_apply'],
  ])('waits until its commits are on disk where the database says %s', async (given, pinned) => {
    const { url, client } = await freshSource();
    const name = new URL(url).pathname.slice(1);
    await client.query(`ALTER DATABASE ${name} SET synchronous_commit = ${given}`);
    const session = await open(url);
    expect(await session.one('SHOW synchronous_commit')).toEqual({ synchronous_commit: pinned });
    await session.close();
  });

  test('writes nothing when it is read-only', async () => {
    const { url } = await freshSource();
    const session = await open(url, true);
    await expect(session.query('CREATE TABLE public.t ()')).rejects.toMatchObject({ code: 'SERVER_ERROR' });
    await session.close();
  });

  test('names a lost connection and where it was lost', async () => {
    const { url, client } = await freshSource();
    const session = await open(url);
    // Judged from the start: it can be lost before the answer to the statement that ends it has come.
    const lost = expect(session.query('SELECT pg_sleep(600)', 'wait')).rejects.toMatchObject({
      code: 'CONNECTION_LOST',
      exit: 3,
      retry: 'reconnect',
    });
    await client.query(`SELECT pg_terminate_backend(${session.pid})`);
    await lost;
    await expect(session.query('SELECT 1')).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  });
});

describe('COPY in', () => {
  test('counts rows and leaves the session ready', async () => {
    const { url, client } = await freshSource();
    await client.query('CREATE TABLE t (n int)');
    const session = await open(url);
    expect(await session.copyIn('COPY public.t FROM STDIN', pieces('1\n2', '\n3\n'))).toBe(3);
    expect(await session.query('SELECT n FROM public.t ORDER BY n')).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    await session.close();
  });

  test('reports the row that the server refuses by SQLSTATE, without its values, and stays usable', async () => {
    const { url, client } = await freshSource();
    await client.query('CREATE TABLE t (n int CHECK (n < 100))');
    const session = await open(url);
    // More than the socket buffers hold, so that the server refuses while there is more to send.
    async function* endless(): AsyncGenerator<Buffer> {
      yield Buffer.from('4711\n');
      for (let i = 0; i < 2000; i += 1) yield Buffer.alloc(65_536, '1\n');
    }
    const failure = await session.copyIn('COPY public.t FROM STDIN', endless()).catch((error) => error);
    expect(failure).toMatchObject({
      code: 'ROW_REFUSED',
      context: { sqlstate: '23514', constraint: 't_n_check' },
    });
    expect(failure.message).not.toContain('4711');
    expect(await session.query('SELECT count(*)::int AS n FROM public.t')).toEqual([{ n: 0 }]);
    await session.close();
  });

  test('takes everything back when its source fails, and stays usable', async () => {
    const { url, client } = await freshSource();
    await client.query('CREATE TABLE t (n int)');
    const session = await open(url);
    async function* broken(): AsyncGenerator<Buffer> {
      yield Buffer.from('1\n');
      throw new Error('the source broke');
    }
    await expect(session.copyIn('COPY public.t FROM STDIN', broken())).rejects.toThrow('the source broke');
    expect(await session.query('SELECT count(*)::int AS n FROM public.t')).toEqual([{ n: 0 }]);
    await session.close();
  });

  test('fails, instead of waiting for ever, when the backend is killed while it cannot take more', async () => {
    const { url, client } = await freshSource();
    await client.query('CREATE TABLE t (n text); CREATE TABLE lock ()');
    await client.query('BEGIN; LOCK TABLE t');
    const session = await open(url);
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) yield Buffer.alloc(65_536, 'x');
    }
    const copy = session.copyIn('COPY public.t FROM STDIN', endless()).catch((error) => error);
    const blocked = async (): Promise<boolean> =>
      (await client.query('SELECT FROM pg_locks WHERE pid = $1 AND NOT granted', [session.pid])).rowCount ===
      1;
    await expect.poll(blocked).toBe(true);
    await client.query(`SELECT pg_terminate_backend(${session.pid})`);
    expect(await copy).toMatchObject({ code: 'CONNECTION_LOST' });
    await client.query('ROLLBACK');
  });
});

describe('COPY out', () => {
  test('returns all bytes and the server’s row count', async () => {
    const { url } = await freshSource();
    const session = await open(url);
    const { text, rows } = await collect(
      session.copyOut('COPY (SELECT generate_series(1, 100000)) TO STDOUT'),
    );
    expect(rows).toBe(100_000);
    expect(text.split('\n').length).toBe(100_001);
    expect(await session.one('SELECT 1 AS one')).toEqual({ one: 1 });
    await session.close();
  });

  test('ends the backend when the reader stops early', async () => {
    const { url, client } = await freshSource();
    const session = await open(url);
    const { pid } = session;
    for await (const _ of session.copyOut('COPY (SELECT generate_series(1, 100000000)) TO STDOUT')) break;
    expect(session.closed).toBe(true);
    const alive = async (): Promise<number | null> =>
      (await client.query('SELECT FROM pg_stat_activity WHERE pid = $1', [pid])).rowCount;
    await expect.poll(alive).toBe(0);
  });

  test('passes the server’s error on and stays usable', async () => {
    const { url } = await freshSource();
    const session = await open(url);
    const reading = collect(
      session.copyOut('COPY (SELECT 1 / (5 - g) FROM generate_series(1, 10) g) TO STDOUT'),
    );
    await expect(reading).rejects.toMatchObject({ context: { sqlstate: '22012' } });
    expect(await session.one('SELECT 1 AS one')).toEqual({ one: 1 });
    await session.close();
  });

  test('fails when the backend is killed in the middle', async () => {
    const { url, client } = await freshSource();
    const session = await open(url);
    const reading = (async () => {
      let first = true;
      for await (const _ of session.copyOut('COPY (SELECT generate_series(1, 100000000)) TO STDOUT')) {
        if (first) await client.query(`SELECT pg_terminate_backend(${session.pid})`);
        first = false;
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: 'CONNECTION_LOST' });
  });
});
