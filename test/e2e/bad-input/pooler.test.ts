import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { serverHome } from '../../../src/demo/servers/home.js';
import { closeServers } from '../../../src/demo/servers/index.js';
import { freePort } from '../../../src/demo/servers/ports.js';
import { connectTo, type FreshDatabase, freshSource } from '../../support/databases.js';
import { freshFolder } from '../../support/migrate.js';
import { expectRefusal, withPassword } from '../../support/refusal.js';

const PGBOUNCER = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer', '/opt/homebrew/bin/pgbouncer'].find((path) =>
  existsSync(path),
);

describe.skipIf(PGBOUNCER === undefined)('PgBouncer in transaction mode', () => {
  let source: FreshDatabase;
  let bouncer: ChildProcess;
  let pooled: string;
  const cwd = freshFolder();

  beforeAll(async () => {
    source = await freshSource();
    await source.client.query('CREATE TABLE item (id int PRIMARY KEY, namespace text NOT NULL)');
    const home = serverHome();
    const folder = home.directory('pgbouncer');
    const url = new URL(source.url);
    const port = await freePort();
    const file = join(folder, 'pgbouncer.ini');
    writeFileSync(
      file,
      `[databases]\n* = host=${url.hostname} port=${url.port} user=${url.username}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n` +
        `listen_port = ${port}\nunix_socket_dir =\nauth_type = any\npool_mode = transaction\ndefault_pool_size = 1\n` +
        `ignore_startup_parameters = extra_float_digits\n`,
    );
    chmodSync(file, 0o644);
    bouncer = spawn(PGBOUNCER!, ['-q', file], { ...home.user, cwd: folder, stdio: 'ignore' });
    while (!(await accepts(port))) {
      expect(bouncer.exitCode, 'PgBouncer ended at its start').toBeNull();
    }
    url.port = String(port);
    pooled = url.href;
  });
  afterAll(async () => {
    bouncer?.kill('SIGKILL');
    await closeServers();
  });

  test('is recognised, and no setting of ours stays on its connections', async () => {
    const says = ['pooler', 'PgBouncer', 'directly'];
    await expectRefusal(
      ['plan', '--source', withPassword(pooled)],
      { cwd, unchanged: [cwd, source] },
      { code: 'POOLED_CONNECTION', exit: 2, says },
    );
    const other = await connectTo(pooled);
    const { rows } = await other.query(
      `SELECT current_setting('default_transaction_read_only') AS readonly, current_setting('search_path') AS path`,
    );
    expect(rows).toEqual([{ readonly: 'off', path: '"$user", public' }]);
  });
});

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
