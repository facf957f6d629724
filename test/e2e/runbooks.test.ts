import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type Cluster,
  createDatabase,
  findPostgres,
  type Server,
  startCluster,
  startServer,
} from '../../src/demo/servers/index.js';
import { connectTo, describeCitus, freshCluster, freshSource } from '../support/databases.js';
import { Operator, type Part, partsOf, readPage, section } from '../support/runbook.js';

const SCHEMA = `
  CREATE TABLE kind (id int PRIMARY KEY, label text NOT NULL);
  CREATE TABLE item (
    id bigserial PRIMARY KEY, namespace text NOT NULL, kind int NOT NULL REFERENCES kind, note text);
  INSERT INTO kind SELECT g, 'kind ' || g FROM generate_series(0, 4) g;
  INSERT INTO item (namespace, kind, note) SELECT 'ns' || g % 40, g % 5, 'note ' || g FROM generate_series(1, 400) g;
  ANALYZE;
`;
const CONFIG = `
gates:
  backupFile: queries.sql
  accept:
    disk: "df: all nodes have room"
`;
const QUERIES = `
-- params: ["ns1"]
SELECT id, note FROM item WHERE namespace = $1 ORDER BY id;
SELECT count(*) FROM item;
`;

type Events = Readonly<Record<string, () => unknown>>;

function prepare(operator: Operator): void {
  writeFileSync(join(operator.cwd, 'migrate.config.yaml'), CONFIG);
  writeFileSync(join(operator.cwd, 'queries.sql'), QUERIES);
}

/** Runs what a page says, as it stands there. */
async function follow(parts: readonly Part[], operator: Operator, events: Events): Promise<void> {
  expect(parts.length).toBeGreaterThan(0);
  for (const part of parts) {
    if (part.kind === 'event') {
      const event = events[part.name];
      if (event === undefined) throw new Error(`${part.place}: nobody knows how ${part.name}`);
      await event();
    } else if (part.background) operator.start(part.text);
    else {
      const { code, said } = await operator.run(part.text);
      const good = part.exits.includes(code ?? -1);
      expect({ place: part.place, code: good ? 'as expected' : code, said: good ? '' : said }).toEqual({
        place: part.place,
        code: 'as expected',
        said: '',
      });
    }
  }
}

const page = (name: string): Part[] => partsOf(name, readPage(name));

/** Writes as an application with a router would: where the row's namespace is taken. */
async function writeTo(url: string, namespace: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('INSERT INTO item (namespace, kind, note) VALUES ($1, 1, $2)', [namespace, 'written']);
  } finally {
    await client.end();
  }
}

/** A namespace that a share of 10 % has: its bucket as the documents give it. */
async function firstNamespace(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query(
      `SELECT DISTINCT namespace FROM item
       WHERE (hashtext(namespace COLLATE "C")::bigint + 2147483648) % 100 < 10 ORDER BY 1 LIMIT 1`,
    );
    return rows[0].namespace;
  } finally {
    await client.end();
  }
}

test('every page is in the list, and every block of commands is one that a test runs', () => {
  const folder = fileURLToPath(new URL('../../docs/runbooks/', import.meta.url));
  const pages = readdirSync(folder).filter((name) => name !== 'README.md');
  expect(pages.sort()).toEqual([
    'cutover.md',
    'decommission.md',
    'disaster.md',
    'ramp.md',
    'rehearsal.md',
    'rollback.md',
  ]);
  for (const name of [...pages, 'README.md']) {
    const text = readPage(name);
    const fences = [...text.matchAll(/^```(\w*)/gm)].filter(([, language]) => language !== '');
    expect([name, fences.length]).toEqual([
      name,
      partsOf(name, text).filter(({ kind }) => kind === 'commands').length,
    ]);
  }
  const [part] = partsOf('x.md', '```sh exit=1|4\nmigrate plan\n```\n');
  expect(part).toMatchObject({ kind: 'commands', exits: [1, 4], text: 'migrate plan\n', place: 'x.md:1' });
});

test('a command that ends otherwise than its page says is found, with its place', async () => {
  const operator = new Operator({}, '/usr/bin');
  const one = (block: string): Promise<void> => follow(partsOf('x.md', block), operator, {});
  await one('```sh exit=0|3\ntrue\n(exit 3)\n```');
  await expect(one('\n```sh exit=0|3\n(exit 4)\n```')).rejects.toThrow(/x\.md:2/);
  // Only the last command of a block may end with its code.
  await expect(one('```sh exit=0\n(exit 3)\ntrue\n```')).rejects.toThrow(/x\.md:1/);
  await expect(one('<!-- test: nobody knows -->')).rejects.toThrow(/nobody knows/);
});

/** What every page of the later days begins with. */
const READY = [
  'migrate plan',
  'migrate shim install',
  'migrate copy',
  'migrate sync --until-drained',
  'migrate verify --live',
];

const sides = (source: string, target: string) => ({
  MIGRATE_SOURCE_URL: source,
  MIGRATE_TARGET_URL: target,
});

async function run(operator: Operator, ...lines: string[]): Promise<void> {
  const { code, said } = await operator.run(lines.join('\n'));
  expect({ lines, code, said: code === 0 ? '' : said }).toEqual({ lines, code: 0, said: '' });
}

describeCitus('the runbooks, on servers that stay up', () => {
  async function place(): Promise<{ operator: Operator; sourceUrl: string; targetUrl: string }> {
    const [source, target] = [await freshSource(), await freshCluster({ shardCount: 4 })];
    await source.client.query(SCHEMA);
    const operator = new Operator(sides(source.url, target.url), (await findPostgres()).binDir);
    prepare(operator);
    return { operator, sourceUrl: source.url, targetUrl: target.url };
  }

  test('rehearsal: there and back, and nothing is left to remove', async () => {
    const { operator, sourceUrl, targetUrl } = await place();
    const early = await firstNamespace(sourceUrl);
    await follow(page('rehearsal.md'), operator, {
      'the application writes to the source': () => writeTo(sourceUrl, early),
      'the application writes to the target': () => writeTo(targetUrl, early),
    });
    await follow(partsOf('rollback.md', section(readPage('rollback.md'), 'Before any write')), operator, {});
  });

  test('production: cut-over, ramp, decommission', async () => {
    const { operator, sourceUrl, targetUrl } = await place();
    const early = await firstNamespace(sourceUrl);
    const stop = async () => expect((await operator.stop()).map(({ code }) => code)).toEqual([130]);
    const on = (url: string, namespace: string): Events => ({
      'the application writes to the source': () => writeTo(sourceUrl, namespace),
      'the application writes to the target': () => writeTo(url, namespace),
    });
    try {
      await follow(page('cutover.md'), operator, on(targetUrl, 'ns1'));
      await follow(page('ramp.md'), operator, on(targetUrl, early));
      await stop();
    } finally {
      await operator.stop();
    }
    await follow(page('decommission.md'), operator, {});
    const last = readFileSync(join(operator.cwd, 'checklist-final.md'), 'utf8');
    const ticked = [...last.matchAll(/^- \[x\] \*\*([\w-]+)\*\*/gm)].map(([, id]) => id);
    expect(ticked).toEqual(
      expect.arrayContaining(['copy', 'queries', 'verify', 'share-10', 'share-100', 'watch']),
    );
    expect(ticked).not.toContain('finish');
  });
});

describeCitus('the runbooks, on servers that go away', () => {
  let source: Server;
  let spare: Server;
  let cluster: Cluster;
  let operator: Operator;
  let events: Events;
  const lost = (heading: string): Promise<void> =>
    follow(partsOf('disaster.md', section(readPage('disaster.md'), heading)), operator, events);

  beforeAll(async () => {
    const install = await findPostgres();
    [source, spare, cluster] = await Promise.all([
      startServer({ install, name: 'source' }),
      startServer({ install, name: 'spare' }),
      startCluster({ install, shardCount: 4 }),
    ]);
    const sourceUrl = await createDatabase(source, 'app');
    await (await connectTo(sourceUrl)).query(SCHEMA);
    operator = new Operator(
      {
        ...sides(sourceUrl, cluster.url()),
        SPARE_HOST: spare.host,
        SPARE_PORT: String(spare.port),
        SPARE_USER: spare.user,
      },
      install.binDir,
    );
    prepare(operator);
    const worker = cluster.workers[1]!;
    const early = await firstNamespace(sourceUrl);
    events = {
      'a worker stops': () => worker.halt('immediate'),
      'the worker comes back': () => worker.resume(),
      'the coordinator stops': () => cluster.coordinator.halt('immediate'),
      'the coordinator comes back': () => cluster.coordinator.resume(),
      'the source crashes and comes back': async () => {
        await source.kill9();
        await source.resume();
      },
      "the operator's folder is empty but for the configuration and the plan": () => {
        const kept = new Set(['migrate.config.yaml', 'migrate.plan.json', 'queries.sql']);
        for (const name of readdirSync(operator.cwd))
          if (!kept.has(name)) rmSync(join(operator.cwd, name), { recursive: true });
      },
      'some namespaces are on the target': () =>
        run(operator, 'migrate shim install --reverse', 'migrate cutover --share 50'),
      'the application writes to the target': () => writeTo(cluster.url(), early),
    };
    await run(operator, ...READY);
  });
  afterAll(async () => {
    await Promise.all([source, spare, cluster].map((each) => each?.stop()));
  });

  test('a worker, the operator and the source are lost before the cut-over', async () => {
    for (const heading of ['A worker', 'The operator', 'The source']) await lost(heading);
  });

  test('back from the ramp, with what was written on the cluster', async () => {
    await events['some namespaces are on the target']!();
    await follow(partsOf('rollback.md', section(readPage('rollback.md'), 'While some')), operator, events);
  });

  test('the coordinator is lost for good, and the single node is opened without it', () =>
    lost('The coordinator'));
});
