import { beforeAll, describe, expect, test } from 'vitest';
import { noopLog } from '../../src/observe/noop.js';
import {
  connectTo,
  describeCitus,
  type FreshCluster,
  type FreshDatabase,
  freshCluster,
  freshSource,
} from '../support/databases.js';
import { type Journey, load, prepare } from '../support/load.js';

const SCHEMA = `
  CREATE TABLE item (id bigserial PRIMARY KEY, namespace text NOT NULL);
  INSERT INTO item (namespace) SELECT 'ns' || g % 5 FROM generate_series(1, 30) g;
  INSERT INTO item VALUES (70, 'ns1');
  CREATE SEQUENCE invoice_code_seq;
  CREATE TABLE invoice (code text PRIMARY KEY DEFAULT 'INV-' || nextval('invoice_code_seq'), note text);
  ALTER SEQUENCE invoice_code_seq OWNED BY invoice.code;
  INSERT INTO invoice (note) SELECT 'n' FROM generate_series(1, 12);
  CREATE SEQUENCE bill_no_seq;
  CREATE TABLE bill (no numeric PRIMARY KEY DEFAULT nextval('bill_no_seq'));
  ALTER SEQUENCE bill_no_seq OWNED BY bill.no;
  INSERT INTO bill SELECT nextval('bill_no_seq') FROM generate_series(1, 7);
  INSERT INTO bill VALUES (99.5);
  CREATE SEQUENCE ticket_id_seq MAXVALUE 100;
  CREATE TABLE ticket (id bigint PRIMARY KEY DEFAULT nextval('ticket_id_seq'));
  ALTER SEQUENCE ticket_id_seq OWNED BY ticket.id;
  INSERT INTO ticket SELECT nextval('ticket_id_seq') FROM generate_series(1, 4);
  INSERT INTO ticket VALUES (60), (5000);
  CREATE FOREIGN DATA WRAPPER nothing;
  CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
  CREATE FOREIGN TABLE outside (what text) SERVER nowhere;
  CREATE VIEW seen AS SELECT what FROM outside;
`;

const NEXT = {
  item_id_seq: '71',
  invoice_code_seq: '13',
  bill_no_seq: '8',
  ticket_id_seq: '61',
};

function suite(freshTarget: () => Promise<FreshDatabase>, onCluster: boolean): void {
  let target: FreshDatabase;
  let journey: Journey;

  beforeAll(async () => {
    const source = await freshSource();
    target = await freshTarget();
    await source.client.query(SCHEMA);
    journey = await prepare(source, target);
  });

  const nextIds = async (): Promise<Record<string, string>> => {
    const ids: Record<string, string> = {};
    for (const name of Object.keys(NEXT)) {
      const { rows } = await target.client.query(`SELECT nextval('${name}')::text AS id`);
      ids[name] = rows[0].id;
    }
    return ids;
  };

  test('every sequence goes on behind the ids that it can come upon, whatever its column is', async () => {
    const warnings: string[] = [];
    const log = { ...noopLog, warn: (message: string) => void warnings.push(message) };
    const { refusedViews } = await load(journey, { context: { log } });
    // The plan has dropped the only one.
    expect(refusedViews).toEqual([]);
    expect(await nextIds()).toEqual(NEXT);
    expect(warnings.filter((line) => line.includes('ticket'))).toEqual([
      expect.stringContaining('Sequence ticket_id_seq ends before ids that ticket holds'),
    ]);
    expect(warnings.filter((line) => /invoice|bill|item/.test(line))).toEqual([]);
  });

  if (!onCluster) return;
  test('ids of a worker do not take the coordinator along when the step is repeated', async () => {
    const worker = await connectTo((target as FreshCluster).workerUrls[0]!);
    const { rows } = await worker.query(
      "INSERT INTO item (namespace) VALUES ('ns1') RETURNING id::text AS id",
    );
    expect(BigInt(rows[0].id)).toBeGreaterThan(1n << 48n);
    await load(journey, { phase: 'after-data' });
    expect((await nextIds()).item_id_seq).toBe('72');
  });
}

describeCitus('sequences of a cluster', () => suite(() => freshCluster({ shardCount: 4 }), true));
describe('sequences of a plain PostgreSQL', () => suite(freshSource, false));
