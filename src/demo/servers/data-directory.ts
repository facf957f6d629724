import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { serverHome, whenClosed } from './home.js';
import type { PostgresInstall } from './install.js';
import { runAsServer } from './run.js';

/** Name of the superuser of every throw-away server. */
export const SUPERUSER = 'postgres';

const templates = new Map<string, Promise<string>>();
whenClosed(() => templates.clear());

/** The directory that one `initdb` made; every server starts from a copy of it, which takes a fifth of the time. */
function initialised(install: PostgresInstall): Promise<string> {
  let template = templates.get(install.binDir);
  if (template === undefined) {
    template = initialise(install);
    template.catch(() => templates.delete(install.binDir));
    templates.set(install.binDir, template);
  }
  return template;
}

async function initialise(install: PostgresInstall): Promise<string> {
  const directory = serverHome().directory('initdb');
  const data = join(directory, 'data');
  const options = [
    '-U',
    SUPERUSER,
    '-E',
    'UTF8',
    '--locale=C',
    '--auth=trust',
    '--no-sync',
    '--no-instructions',
  ];
  await runAsServer(join(install.binDir, 'initdb'), ['-D', data, ...options], directory);
  return data;
}

/** Only the loopback interface is let in, and there without a password: also the nodes of a cluster, by each other. */
const HBA = `host all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n`;

export interface DataDirectoryOptions {
  install: PostgresInstall;
  /** Copied from here instead of a fresh `initdb`: the data directory of a stopped server. */
  dataTemplate?: string;
  settings: Readonly<Record<string, string | number | boolean>>;
  /** The server's own directory; `data` is made inside. */
  directory: string;
  signal?: AbortSignal;
}

/** Makes `<directory>/data`, configured, and returns its path. */
export async function makeDataDirectory(options: DataDirectoryOptions): Promise<string> {
  const template = options.dataTemplate ?? (await initialised(options.install));
  const data = join(options.directory, 'data');
  await runAsServer('cp', ['-a', template, data], options.directory, options.signal);
  const lines = Object.entries(options.settings).map(
    ([name, value]) => `${name} = '${String(value).replaceAll("'", "''")}'\n`,
  );
  await appendFile(join(data, 'postgresql.conf'), `\n${lines.join('')}`);
  await writeFile(join(data, 'pg_hba.conf'), HBA);
  return data;
}

/** The last lines of a log file, or none when there is no such file. */
export async function readLog(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '');
}
