import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { movedTables } from '../../src/cli/support/plan.js';
import { resolveConfig } from '../../src/config/resolve.js';
import { checkGates, type Gate, recordGates } from '../../src/cutover/gates/check.js';
import type { GateRequest } from '../../src/cutover/gates/gate.js';
import { provenFacts, reverseFacts } from '../../src/cutover/reverse-facts.js';
import { removeReverse } from '../../src/dualwrite/reverse-remove.js';
import { createRecord, readEvidence, recordEvidence } from '../../src/ledger/record.js';
import { noopContext } from '../../src/observe/noop.js';
import {
  connectTo,
  describeCitus,
  type FreshCluster,
  freshCluster,
  freshSource,
} from '../support/databases.js';
import { drain, follow, install, installBack, openSides, type Sides } from '../support/follow.js';
import { type Journey, load, prepare } from '../support/load.js';
import { startStandby } from '../support/standby.js';

const SCHEMA = `
  CREATE TABLE kind (id int PRIMARY KEY, label text NOT NULL);
  CREATE SEQUENCE ticket;
  CREATE TABLE item (
    id bigint PRIMARY KEY, namespace text NOT NULL, kind int NOT NULL REFERENCES kind, number int, note text);
  CREATE INDEX item_note ON item (note);
  INSERT INTO kind SELECT g, 'kind ' || g FROM generate_series(0, 4) g;
  INSERT INTO item SELECT g, 'ns' || g % 20, g % 5, g, 'note ' || g FROM generate_series(1, 200) g;
  SELECT nextval('ticket') FROM generate_series(1, 10);
  ANALYZE;
`;

describeCitus('the gates before writes move', () => {
  let journey: Journey;
  let sides: Sides;
  let target: FreshCluster;
  let request: GateRequest;
  let source: pg.Client;
  let coordinator: pg.Client;

  const look = (over: Partial<GateRequest> = {}): Promise<Gate[]> =>
    checkGates({ ...request, ...over }, {}, noopContext());
  const limits = (more: Partial<GateRequest['limits']>): Partial<GateRequest> => ({
    limits: { ...request.limits, ...more },
  });
  const open = (gates: readonly Gate[]): Record<string, string> =>
    Object.fromEntries(
      gates.filter(({ verdict }) => verdict !== 'holds').map((one) => [one.gate, one.verdict]),
    );
  /** Nobody can ask for the room on a disk, so that gate alone is never open by itself. */
  const SHUT = { disk: 'inconclusive' };

  beforeAll(async () => {
    const from = await freshSource();
    target = await freshCluster({ shardCount: 4 });
    source = from.client;
    coordinator = target.client;
    await source.query(SCHEMA);
    journey = await prepare(from, target, { tables: { item: { types: { number: 'bigint' } } } });
    await install(journey);
    await load(journey);
    const { follower, close } = await follow(journey);
    await drain(follower);
    await close();
    sides = await openSides(journey);
    await createRecord(sides.target.session);
    const { planHash } = journey.plan;
    await recordEvidence(sides.target.session, 'verification', {
      verdict: 'match',
      whole: true,
      live: true,
      direction: 'forward',
      planHash,
    });
    const backupFile = join(mkdtempSync(join(journey.folder, 'backup-')), 'done');
    writeFileSync(backupFile, 'done');
    request = {
      source: sides.source,
      target: sides.target,
      plan: journey.plan,
      direction: 'forward',
      limits: { ...resolveConfig({ flags: {}, env: {} }).gates, backupFile },
      connectionReserve: 1,
      sequences: 'movable',
      reverse: async () => ({ installed: true, problems: [], provenAt: 'now' }),
    };
  });
  afterAll(() => sides?.close());

  test('hold when all is well, the disk apart, which is accepted with a reason that is kept', async () => {
    expect(open(await look())).toEqual(SHUT);
    const gates = await checkGates(request, { disk: 'df: 200 GB free' }, noopContext());
    expect(open(gates)).toEqual({ disk: 'accepted' });
    await recordGates(sides.target.session, 'forward', gates);
    const kept = await readEvidence(sides.target.session, 'gate-accepted');
    expect(kept.at(-1)!.detail).toMatchObject({ gate: 'disk', reason: 'df: 200 GB free' });
    // The way back waits neither for a look at the disks nor for a backup.
    expect(open(await look({ direction: 'reverse', ...limits({ backupFile: undefined }) }))).toEqual({});
  });

  /** Each makes exactly its own gate fail, and is undone. */
  const cases: Record<
    string,
    { make: () => unknown; undo: () => unknown; over?: () => Partial<GateRequest> }
  > = {
    'plan-unchanged': {
      make: () => source.query('CREATE INDEX item_extra ON item (number)'),
      undo: () => source.query('DROP INDEX item_extra'),
    },
    verified: {
      make: () =>
        recordEvidence(sides.target.session, 'verification', { verdict: 'mismatch', direction: 'forward' }),
      undo: () =>
        coordinator.query(`DELETE FROM citus_migrate.evidence WHERE detail ->> 'verdict' = 'mismatch'`),
    },
    lag: {
      make: () => source.query(`UPDATE item SET note = 'later' WHERE id = 1`),
      undo: async () => {
        const { follower, close } = await follow(journey);
        await drain(follower);
        await close();
      },
      over: () => limits({ maxLag: 0 }),
    },
    'in-doubt': {
      make: async () => {
        const worker = await connectTo(target.workerUrls[0]!);
        await worker.query(`BEGIN; CREATE TEMP TABLE t (a int) ON COMMIT DROP`).catch(() => {});
        await worker.query('ROLLBACK');
        await worker.query(`BEGIN; SELECT pg_advisory_xact_lock(1); PREPARE TRANSACTION 'left_behind'`);
        await expect.poll(async () => open(await look())['in-doubt'], { timeout: 10_000 }).toBe('fails');
      },
      undo: async () => (await connectTo(target.workerUrls[0]!)).query(`ROLLBACK PREPARED 'left_behind'`),
    },
    workers: {
      make: () =>
        coordinator.query(
          'UPDATE pg_dist_node SET metadatasynced = false WHERE groupid = (SELECT max(groupid) FROM pg_dist_node)',
        ),
      undo: () => coordinator.query('UPDATE pg_dist_node SET metadatasynced = true'),
    },
    indexes: {
      make: async () => {
        const { rows } = await coordinator.query(
          `SELECT nodeport, shardid FROM citus_shards WHERE table_name = 'item'::regclass LIMIT 1`,
        );
        const at = target.workerUrls.find((url) => new URL(url).port === String(rows[0].nodeport))!;
        const worker = await connectTo(at);
        await worker.query(
          `SET citus.enable_manual_changes_to_shards = on; DROP INDEX item_note_${rows[0].shardid}`,
        );
        undoIndex = () =>
          worker.query(`CREATE INDEX item_note_${rows[0].shardid} ON item_${rows[0].shardid} (note)`);
      },
      undo: () => undoIndex(),
    },
    sequences: {
      make: () => coordinator.query('DROP SEQUENCE ticket'),
      undo: () => coordinator.query('CREATE SEQUENCE ticket'),
    },
    'ids-fit': {
      make: () =>
        coordinator.query(`UPDATE item SET number = 281474976710657 WHERE namespace = 'ns1' AND id = 1`),
      undo: () => coordinator.query(`UPDATE item SET number = 1 WHERE namespace = 'ns1' AND id = 1`),
    },
    'reverse-capture': {
      make: () => {},
      undo: () => {},
      over: () => ({ reverse: () => reverseFacts(sides.target) }),
    },
    connections: { make: () => {}, undo: () => {}, over: () => ({ connectionReserve: 100_000 }) },
    backup: { make: () => {}, undo: () => {}, over: () => limits({ backupFile: '/nowhere/at/all' }) },
    'long-transactions': {
      make: async () => {
        await source.query('BEGIN');
        await source.query('SELECT 1');
      },
      undo: () => source.query('ROLLBACK'),
      over: () => limits({ longTransaction: 0 }),
    },
    disk: {
      make: () => source.query('UPDATE citus_migrate.capture SET limit_bytes = 0'),
      undo: () => source.query('UPDATE citus_migrate.capture SET limit_bytes = 1073741824'),
    },
  };
  let undoIndex: () => unknown = () => {};

  test.each(Object.keys(cases))('%s fails for its own reason and only that', async (gate) => {
    const { make, undo, over = () => ({}) } = cases[gate]!;
    await make();
    try {
      const found = await look(over());
      expect(open(found)).toEqual({ ...SHUT, [gate]: 'fails' });
      expect(found.find((one) => one.gate === gate)!.remedy).toBeTruthy();
    } finally {
      // What was undone badly shows in every case that follows.
      await undo();
    }
  });

  describe('reverse-capture', () => {
    const told = (): Partial<GateRequest> => ({ reverse: () => reverseFacts(sides.target) });
    const tried = (maxAgeMs = 0): Partial<GateRequest> => ({
      reverse: () =>
        provenFacts(
          { ...sides, plan: journey.plan, tables: movedTables(journey.plan) },
          maxAgeMs,
          noopContext(),
        ),
    });
    /** Verdict and evidence, where the other gates hold. */
    const gateOf = async (over: Partial<GateRequest>): Promise<string> => {
      const found = await look(over);
      const { verdict, evidence } = found.find(({ gate }) => gate === 'reverse-capture')!;
      expect(open(found)).toEqual({
        ...SHUT,
        ...(verdict === 'holds' ? {} : { 'reverse-capture': verdict }),
      });
      return `${verdict}: ${evidence}`;
    };
    /** The name of a worker as the gate tells it, and sessions on that worker alone. */
    const second = () => new URL(target.workerUrls[1]!);
    const onSecond = async (...texts: string[]): Promise<void> => {
      const worker = await connectTo(target.workerUrls[1]!);
      for (const text of texts) await worker.query(text);
      await worker.end();
    };

    test('is not known before something was written to try it, and holds when that came back from every node', async () => {
      await installBack(journey);
      expect(await gateOf(told())).toBe('inconclusive: nothing was written yet to try it');
      const before = await source.query('SELECT xmin, * FROM item ORDER BY id');
      expect(await gateOf(tried())).toMatch(/^holds: what was written on 3 nodes to try it came back/);
      expect(await gateOf(told())).toMatch(/^holds/);
      const kept = await readEvidence(sides.target.session, 'way-back');
      expect(kept.at(-1)!.detail).toMatchObject({ holds: true, rows: 5, problems: [] });
      // One that is young enough is not made again, and nothing of the application was touched.
      await gateOf(tried(60_000));
      expect(await readEvidence(sides.target.session, 'way-back')).toHaveLength(kept.length);
      expect((await source.query('SELECT xmin, * FROM item ORDER BY id')).rows).toEqual(before.rows);
    });

    test('fails and names the worker on whose shards a trigger is switched off', async () => {
      const { rows } = await coordinator.query(
        `SELECT shardid FROM citus_shards WHERE table_name = 'item'::regclass AND nodeport = $1`,
        [second().port],
      );
      const toggle = (how: string) =>
        onSecond(
          ...rows.map(
            ({ shardid }) => `ALTER TABLE item_${shardid} ${how} TRIGGER citus_migrate_insert_${shardid}`,
          ),
        );
      await toggle('DISABLE');
      expect(await gateOf(tried())).toMatch(
        new RegExp(
          `^fails: .*triggers of public.item_\\d+ on ${second().host} are missing or were switched off`,
        ),
      );
      await toggle('ENABLE ALWAYS');
      expect(await gateOf(tried())).toMatch(/^holds/);
    });

    test('fails and names the worker that logs nothing although every trigger is there', async () => {
      const database = second().pathname.slice(1);
      const say = (what: string) =>
        onSecond(
          'SET citus.enable_ddl_propagation = off',
          `ALTER ROLE ${second().username} IN DATABASE ${database} ${what}`,
        );
      await say(`SET citus_migrate.applying = 'on'`);
      const found = await gateOf(tried());
      expect(found).toMatch(
        new RegExp(
          `^fails: it was tried, and what was written on ${second().host} through .* did not come back`,
        ),
      );
      expect(found).not.toContain(`written on ${new URL(target.workerUrls[0]!).host}`);
      // What failed is not forgotten by looking again.
      expect(await gateOf(told())).toBe(found);
      await say('RESET citus_migrate.applying');
      expect(await gateOf(tried())).toMatch(/^holds/);
    });

    test('fails when passes back bring something else than there is', async () => {
      await source.query(
        `CREATE FUNCTION eat() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
         CREATE TRIGGER eat BEFORE INSERT ON citus_migrate.probe FOR EACH ROW EXECUTE FUNCTION eat();
         ALTER TABLE citus_migrate.probe ENABLE ALWAYS TRIGGER eat`,
      );
      expect(await gateOf(tried())).toMatch(/^fails: it was tried, and .*citus_migrate\.probe/);
      await source.query('DROP FUNCTION eat CASCADE');
      expect(await gateOf(tried())).toMatch(/^holds/);
    });

    test('is not known again when a shard has moved or the capture was installed anew', async () => {
      await coordinator.query(
        `SELECT citus_move_shard_placement(s.shardid, s.nodename, s.nodeport, n.nodename, n.nodeport, 'block_writes')
         FROM (SELECT * FROM citus_shards WHERE table_name = 'item'::regclass LIMIT 1) s
         JOIN pg_dist_node n ON n.nodeport <> s.nodeport AND n.groupid <> 0`,
      );
      expect(await gateOf(told())).toMatch(/^inconclusive: a node or a shard has changed its place/);
      expect(await gateOf(tried(60_000))).toMatch(/^holds/);
      await removeReverse(sides.target, noopContext());
      expect(await gateOf(told())).toMatch(/^fails: nothing captures/);
      await installBack(journey);
      expect(await gateOf(told())).toMatch(/^inconclusive: the capture was installed anew/);
      expect(await gateOf(tried(60_000))).toMatch(/^holds/);
      await removeReverse(sides.target, noopContext());
    });
  });

  test('moves fails while a shard is on its way, and only that', async () => {
    const { rows } = await coordinator.query(
      `SELECT s.shardid, s.nodename AS from, s.nodeport AS port, n.nodename AS to, n.nodeport AS "toPort"
       FROM citus_shards s JOIN pg_dist_node n ON n.nodeport <> s.nodeport AND n.groupid <> 0
       WHERE s.table_name = 'item'::regclass LIMIT 1`,
    );
    const { shardid, from, port, to, toPort } = rows[0];
    const writer = await connectTo(target.url);
    const mover = await connectTo(target.url);
    await writer.query('BEGIN; LOCK TABLE item IN ROW EXCLUSIVE MODE');
    await writer.query(`SELECT lock_shard_metadata(5, ARRAY[${shardid}]::bigint[])`);
    const move = mover.query(
      `SELECT citus_move_shard_placement(${shardid}, '${from}', ${port}, '${to}', ${toPort}, 'block_writes')`,
    );
    await expect
      .poll(async () => open(await look()), { timeout: 20_000 })
      .toEqual({ ...SHUT, moves: 'fails' });
    await writer.query('ROLLBACK');
    await move;
    expect(open(await look())).toEqual(SHUT);
  });

  test('standby-lag fails for a standby that has stopped replaying, and only that', async () => {
    const standby = await startStandby(target.url, 'late');
    const replay = await connectTo(standby.url(new URL(target.url).pathname.slice(1)));
    await replay.query('SELECT pg_wal_replay_pause()');
    await coordinator.query("SELECT pg_logical_emit_message(true, 'test', repeat('x', 100000))");
    const strict = limits({ standbyLagBytes: 1000 });
    await expect
      .poll(async () => open(await look(strict)), { timeout: 20_000 })
      .toEqual({ ...SHUT, 'standby-lag': 'fails' });
    await replay.query('SELECT pg_wal_replay_resume()');
    await expect.poll(async () => open(await look(strict)), { timeout: 20_000 }).toEqual(SHUT);
    await replay.end();
    await standby.stop();
  });

  test('verified fails for a match of another plan, and all else holds at the end', async () => {
    const gates = await look({ plan: { ...journey.plan, planHash: 'another' } });
    expect(open(gates)).toEqual({ ...SHUT, verified: 'fails' });
    expect(gates.find(({ gate }) => gate === 'verified')!.evidence).toContain('another plan');
  });
});
