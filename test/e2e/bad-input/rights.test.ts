import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FreshDatabase, freshSource } from '../../support/databases.js';
import { freshFolder, runJson } from '../../support/migrate.js';
import { expectRefusal, withPassword } from '../../support/refusal.js';

const ROLES = ['mig_reader', 'mig_tenant', 'mig_guest'];

describe('a role that may not do what has to be done', () => {
  let source: FreshDatabase;
  let target: FreshDatabase;
  const cwd = freshFolder();
  const as = (database: FreshDatabase, user: string): string => withPassword(database.url, { user });

  beforeAll(async () => {
    source = await freshSource();
    target = await freshSource();
    for (const role of ROLES) {
      await source.client.query(
        `DO $$ BEGIN CREATE ROLE ${role} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$`,
      );
    }
    await source.client.query(`
      CREATE SCHEMA hidden;
      CREATE TABLE item (id int PRIMARY KEY, namespace text NOT NULL);
      CREATE TABLE secret (id int PRIMARY KEY, namespace text NOT NULL);
      CREATE TABLE hidden.box (id int PRIMARY KEY, namespace text NOT NULL);
      INSERT INTO item VALUES (1, 'a'), (2, 'b');
      INSERT INTO secret VALUES (1, 'a'), (2, 'b');
      INSERT INTO hidden.box VALUES (1, 'a');
      GRANT SELECT ON item TO mig_reader;
      GRANT USAGE ON SCHEMA hidden TO mig_tenant;
      GRANT SELECT ON item, secret, hidden.box TO mig_tenant;
      ALTER TABLE secret ENABLE ROW LEVEL SECURITY;
      CREATE POLICY own ON secret USING (namespace = 'a');
      ALTER TABLE item ENABLE ROW LEVEL SECURITY;
      CREATE POLICY own ON item USING (namespace = 'a');
    `);
    const name = new URL(target.url).pathname.slice(1);
    await target.client.query(`REVOKE CREATE ON DATABASE ${name} FROM PUBLIC`);
  });
  afterAll(async () => {
    for (const role of ROLES) await source.client.query(`DROP OWNED BY ${role}`);
  });

  describe('on the source', () => {
    const line = (command: string, user: string): string[] => {
      const [name, ...rest] = command.split(' ');
      const sides = ['--source', as(source, user), '--target', withPassword(target.url)];
      return [name!, ...rest, ...sides];
    };
    const COMMANDS = ['plan', 'export --out dump', 'copy', 'verify'];

    test.each(COMMANDS)('%s names every table that the role cannot read', async (command) => {
      const document = await expectRefusal(
        line(command, 'mig_reader'),
        { cwd, unchanged: [cwd, source, target] },
        { code: 'RIGHTS_MISSING', exit: 2, says: ['mig_reader', 'secret', 'hidden.box', 'Grant'] },
      );
      expect(document.error.message).not.toMatch(/\bitem\b/);
    });

    test.each(COMMANDS)('%s under row-level security is refused, not given some of the rows', (command) =>
      expectRefusal(
        line(command, 'mig_tenant'),
        { cwd, unchanged: [cwd, source, target] },
        { code: 'ROWS_HIDDEN', exit: 2, says: ['mig_tenant', 'item', 'secret', 'BYPASSRLS'] },
      ),
    );

    test('a table that is left out needs no right', async () => {
      await source.client.query('ALTER TABLE item DISABLE ROW LEVEL SECURITY');
      const args = ['plan', '--tables', 'item', '--source', as(source, 'mig_reader')];
      expect(await runJson(args, { cwd: freshFolder() })).toMatchObject({ exit: 0 });
      await source.client.query('ALTER TABLE item ENABLE ROW LEVEL SECURITY');
    });
  });

  describe('on the target', () => {
    const copy = ['copy', '--tables', 'item'];
    const refused = (says: string[]) =>
      expectRefusal(
        [...copy, '--source', source.url, '--target', as(target, 'mig_guest')],
        { cwd, unchanged: [cwd, source, target] },
        { code: 'RIGHTS_MISSING', exit: 2, says },
      );

    test('it may not create the ledger', () => refused(['mig_guest', 'CREATE on database']));

    test('it may not create tables', async () => {
      const name = new URL(target.url).pathname.slice(1);
      await target.client.query(`GRANT CREATE ON DATABASE ${name} TO mig_guest`);
      await refused(['mig_guest', 'CREATE on schema public']);
    });

    test('with what it needs, an ordinary role copies and verifies', async () => {
      const own = await freshSource();
      await own.client.query(`
        CREATE TABLE item (id serial PRIMARY KEY, namespace text NOT NULL, note text);
        CREATE INDEX ON item (note);
        INSERT INTO item (namespace, note) SELECT 'ns' || g % 3, g::text FROM generate_series(1, 50) g;
        GRANT SELECT ON item, item_id_seq TO mig_reader`);
      const into = await freshSource();
      const name = new URL(into.url).pathname.slice(1);
      await into.client.query(
        `GRANT CREATE ON DATABASE ${name} TO mig_guest; GRANT CREATE ON SCHEMA public TO mig_guest`,
      );
      const sides = ['--source', as(own, 'mig_reader'), '--target', as(into, 'mig_guest')];
      const folder = freshFolder();
      for (const command of ['plan', 'copy', 'verify']) {
        expect(await runJson([command, ...sides], { cwd: folder })).toMatchObject({ command, exit: 0 });
      }
      await own.client.query('REVOKE ALL ON item_id_seq FROM mig_reader');
      await expectRefusal(
        ['copy', ...sides],
        { cwd: folder, unchanged: [folder, own, into] },
        { code: 'RIGHTS_MISSING', exit: 2, says: ['SELECT on sequence item_id_seq'] },
      );
    });

    test('it may not write into a table of somebody else', async () => {
      await target.client.query(`
        GRANT CREATE ON SCHEMA public TO mig_guest;
        CREATE TABLE item (id int PRIMARY KEY, namespace text NOT NULL)`);
      await refused(['mig_guest', 'ownership of table item']);
    });
  });
});
