import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serverHome } from '../../src/demo/servers/home.js';
import { findPostgres, type Server, startServer } from '../../src/demo/servers/index.js';
import { runAsServer } from '../../src/demo/servers/run.js';

/** A hot standby of a running server, from a base backup; its application_name is `name`. */
export async function startStandby(primaryUrl: string, name: string): Promise<Server> {
  const install = await findPostgres();
  const { hostname, port, username } = new URL(primaryUrl);
  const folder = serverHome().directory('backup');
  const data = join(folder, 'data');
  const from = ['-h', hostname, '-p', port, '-U', username];
  await runAsServer(
    join(install.binDir, 'pg_basebackup'),
    [...from, '-D', data, '-c', 'fast', '--no-sync'],
    folder,
  );
  writeFileSync(join(data, 'standby.signal'), '', { mode: 0o644 });
  return startServer({
    install,
    name,
    citus: true,
    dataTemplate: data,
    settings: {
      max_connections: 200,
      primary_conninfo: `host=${hostname} port=${port} user=${username} application_name=${name}`,
      // What it has replayed is told at once, not every ten seconds.
      wal_receiver_status_interval: '1s',
    },
  });
}
