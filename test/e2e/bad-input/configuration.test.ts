import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { type FreshDatabase, freshSource } from '../../support/databases.js';
import { freshFolder, runJson } from '../../support/migrate.js';
import { expectRefusal, PASSWORD, type Refusal, withPassword } from '../../support/refusal.js';

describe('a configuration that does not fit', () => {
  let source: FreshDatabase;
  beforeAll(async () => {
    source = await freshSource();
    await source.client.query(`
      CREATE TABLE item (id int PRIMARY KEY, namespace text NOT NULL);
      CREATE SCHEMA audit;
      CREATE TABLE audit.log (id int PRIMARY KEY, namespace text NOT NULL, parent int REFERENCES item (id));
    `);
  });

  const folderWith = (file: string | undefined): string => {
    const folder = freshFolder();
    if (file !== undefined) writeFileSync(join(folder, 'migrate.config.yaml'), file);
    return folder;
  };
  const refused = (
    args: readonly string[],
    file: string | undefined,
    expected: Refusal,
    cwd = folderWith(file),
  ) =>
    expectRefusal(
      [...args, '--source', withPassword(source.url)],
      { cwd, unchanged: [cwd, source] },
      expected,
    );

  test.each([
    ['--tables', 'itme', 'item'],
    ['--exclude', 'audit.logs', 'audit.log'],
    ['--tables', 'log', 'audit.log'],
  ])(
    '%s %s: the unknown table is named, and the one that was probably meant',
    async (option, name, meant) => {
      const expected = { code: 'TABLE_UNKNOWN', exit: 2, says: [name, `did you mean ${meant}?`] };
      await refused(['plan', option, name], undefined, expected);
      const planned = folderWith(undefined);
      expect(await runJson(['plan', '--source', source.url], { cwd: planned })).toMatchObject({ exit: 0 });
      await refused(['export', '--out', 'dump', option, name], undefined, expected, planned);
    },
  );

  test('tables, columns and foreign keys of the file that do not exist are all named at once', () =>
    refused(
      ['plan'],
      'tables:\n  itme: {placement: reference}\n  audit.log: {distributeBy: namespaec}\nforeignKeys:\n  audit.log.nope: {drop: true}\n'.replace(
        '{drop: true}',
        'drop',
      ),
      {
        code: 'TABLE_UNKNOWN',
        exit: 2,
        says: [
          'tables.itme',
          'did you mean item',
          'namespaec',
          'did you mean namespace',
          'foreignKeys.audit.log.nope',
        ],
      },
    ));

  test('every problem of the file is told at once, by key path, without its values', async () => {
    const document = await refused(
      ['plan', '--jobs', '0'],
      `target: [${PASSWORD}]\njobz: 3\nverify:\n  mode: everything\nexport:\n  chunkBytes: lots\nnodeAddresses:\n  a: nowhere\n`,
      {
        code: 'CONFIG_INVALID',
        exit: 2,
        says: [
          'target (migrate.config.yaml:1',
          'jobz (migrate.config.yaml:2',
          'did you mean \\"jobs\\"',
          'verify.mode (migrate.config.yaml:4',
          'expected one of counts, digest',
          'export.chunkBytes (migrate.config.yaml:6',
          'nodeAddresses.a (migrate.config.yaml:8',
          'jobs (--jobs)',
        ],
      },
    );
    expect(document.error.context.problems).toHaveLength(6);
  });

  test.each([
    ['no YAML', `source: postgresql://u:${PASSWORD}@h/d\ntables: [item\n  - : :`, ['migrate.config.yaml']],
    ['a list', '- item\n- log\n', ['migrate.config.yaml']],
    ['the same key twice', 'jobs: 2\njobs: 3\n', ['migrate.config.yaml:2:1', 'unique']],
  ])('the file is %s', (_what, file, says) =>
    refused(['plan'], file, { code: 'CONFIG_INVALID', exit: 2, says }),
  );

  test('the file is a folder, or is not there', async () => {
    const cwd = freshFolder();
    mkdirSync(join(cwd, 'folder'));
    for (const name of ['folder', 'absent.yaml']) {
      await refused(
        ['plan', '--config', name],
        undefined,
        { code: 'CONFIG_INVALID', exit: 2, says: [name] },
        cwd,
      );
    }
  });
});
