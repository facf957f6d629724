import { expect, test } from 'vitest';
import { connect } from '../../src/postgres/connect.js';
import { resolveConninfo } from '../../src/postgres/conninfo.js';
import { isSame, knownRows } from '../../src/verify/unchanged.js';
import type { Unit } from '../../src/verify/units.js';
import { connectTo, freshSource } from '../support/databases.js';

const UNIT = {
  table: { table: 'item' },
  from: 'FROM public.item AS t',
  condition: 'true',
  joined: 0,
} as unknown as Unit;

test('a row that a savepoint of an open transaction wrote is not known, whatever the snapshot lists', async () => {
  const { url, client } = await freshSource();
  await client.query('CREATE TABLE item (id int PRIMARY KEY, note text); INSERT INTO item VALUES (1), (2)');
  const session = await connect(resolveConninfo(url, {}), {
    server: 'source',
    applicationName: 'migrate test',
    readOnly: true,
  });
  const snapshot = async (): Promise<string> =>
    (await session.one<{ now: string }>('SELECT pg_current_snapshot()::text AS now')).now;
  const same = async (visible: string): Promise<boolean> =>
    isSame((await knownRows(session, UNIT, visible, '1')).get(1), 2n);
  try {
    const quiet = await snapshot();
    expect(await same(quiet)).toBe(true);
    const writer = await connectTo(url);
    await writer.query('BEGIN; INSERT INTO item VALUES (3); DELETE FROM item WHERE id = 3; SAVEPOINT s');
    await writer.query("UPDATE item SET note = 'changed' WHERE id = 1");
    // Another transaction ends, so that the snapshot reaches beyond the savepoint's number.
    await client.query('SELECT pg_current_xact_id()');
    const during = await snapshot();
    await writer.query('COMMIT');
    expect(await same(during)).toBe(false);
    expect(await same(quiet)).toBe(false);
  } finally {
    await session.close();
  }
});
