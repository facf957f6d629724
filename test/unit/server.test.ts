import { describe, expect, test } from 'vitest';
import { inspectServer, type ServerFacts } from '../../src/citus/server.js';
import type { Session } from '../../src/postgres/session.js';

const GOOD: ServerFacts = {
  versionNumber: 150020,
  version: '15.20',
  encoding: 'UTF8',
  database: 'app',
  databaseOid: '16384',
  systemIdentifier: '7',
  startedAt: '2024-01-01 00:00:00.000001+00',
  citus: '13.2-1',
  citusPreloaded: true,
  maxConnections: 100,
  standby: false,
  superuser: true,
};

const inspect = (facts: Partial<ServerFacts>): Promise<ServerFacts> =>
  inspectServer({ server: 'target', one: async () => ({ ...GOOD, ...facts }) } as unknown as Session);

describe('a server', () => {
  test.each([
    ['PostgreSQL 14', { versionNumber: 140000, version: '14.0' }],
    ['Citus 12.0', { citus: '12.0-1' }],
    ['no Citus', { citus: null }],
  ])('with %s is good enough', async (_what, facts) => {
    expect(await inspect(facts)).toMatchObject(facts);
  });

  test.each([
    [
      'PostgreSQL 13',
      { versionNumber: 130014, version: '13.14 (Debian 13.14-1)' },
      'VERSION_UNSUPPORTED',
      'target is PostgreSQL 13.14 (Debian 13.14-1); 14 or newer is needed',
    ],
    [
      'Citus 11',
      { citus: '11.3-1' },
      'VERSION_UNSUPPORTED',
      'target has Citus 11.3-1; 12 or newer is needed',
    ],
    [
      'Citus 9, whose version sorts behind 12 as text',
      { citus: '9.5-3' },
      'VERSION_UNSUPPORTED',
      'target has Citus 9.5-3; 12 or newer is needed',
    ],
    [
      'another encoding',
      { encoding: 'LATIN1' },
      'ENCODING_UNSUPPORTED',
      'target stores text as LATIN1, not UTF8',
    ],
  ])('with %s is refused by what was found', async (_what, facts, code, message) => {
    await expect(inspect(facts)).rejects.toMatchObject({ code, message, exit: 2 });
  });
});
