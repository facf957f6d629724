import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Config } from '../../src/config/config.js';
import { parseControlFile } from '../../src/config/control-file.js';
import { readConfigFile } from '../../src/config/file.js';
import { EVERYWHERE, OPTIONS } from '../../src/config/options.js';
import { type ConfigInput, resolveConfig } from '../../src/config/resolve.js';
import { suggest } from '../../src/config/suggest.js';
import { MigrateError } from '../../src/core/errors.js';

const resolve = (input: Partial<ConfigInput> = {}): Config =>
  resolveConfig({ flags: {}, env: {}, cores: 4, ...input });
const file = (text: string): { file: { path: string; text: string } } => ({ file: { path: 'm.yaml', text } });

const problems = (input: Partial<ConfigInput>): readonly string[] => {
  try {
    resolve(input);
  } catch (error) {
    if (!(error instanceof MigrateError) || error.code !== 'CONFIG_INVALID') throw error;
    const listed = error.context.problems as readonly string[];
    for (const problem of listed) expect(error.message).toContain(problem);
    return listed;
  }
  throw new Error('nothing was thrown');
};

describe('precedence', () => {
  it('takes the flag over the environment over the file over the default', () => {
    const text = 'source: postgresql://file/x\nplan: file.json\nverify: {maxDiscrepancies: 7}\n';
    const env = { MIGRATE_SOURCE_URL: 'postgresql://env/x' };
    expect(resolve(file(text)).source?.reveal()).toBe('postgresql://file/x');
    expect(resolve({ ...file(text), env }).source?.reveal()).toBe('postgresql://env/x');
    const all = resolve({
      ...file(text),
      env,
      flags: { source: 'postgresql://flag/x', maxDiscrepancies: '0' },
    });
    expect(all.source?.reveal()).toBe('postgresql://flag/x');
    expect(all).toMatchObject({ plan: 'file.json', verify: { mode: 'digest', maxDiscrepancies: 0 } });
  });

  it('has defaults for everything that is not optional', () => {
    expect(resolve()).toEqual({
      plan: 'migrate.plan.json',
      include: [],
      exclude: [],
      jobs: 4,
      jobsGiven: false,
      tables: {},
      distributionColumn: ['namespace'],
      foreignKeys: {},
      types: {},
      widenSerial: false,
      reference: { maxRows: 10_000, maxBytes: 16_777_216 },
      nodeAddresses: {},
      export: { chunkBytes: 67_108_864 },
      verify: {
        mode: 'digest',
        maxDiscrepancies: 100,
        showValues: false,
        namespaces: [],
        live: false,
        repairFile: 'migrate.repair.sql',
      },
      gates: {
        maxLag: 10_000,
        verificationAge: 86_400_000,
        standbyLag: 10_000,
        standbyLagBytes: 67_108_864,
        longTransaction: 60_000,
        backupAge: 86_400_000,
        accept: {},
      },
      checklist: { owners: {} },
      queries: { runs: 30, singleShardP95: 10, crossShardP95: 25 },
      shim: { logLimit: 10_737_418_240, logPolicy: 'warn' },
      cutover: { maxPause: 10_000, dryRun: false, accept: [], abandon: false },
      log: { level: 'info', format: 'text' },
      progress: true,
      json: false,
      yes: false,
      reverse: false,
      via: 'auto',
      stallSeconds: 900,
      throttle: {},
      maxRate: 0,
      connectionReserve: 5,
      onBadRow: 'fail',
      maxBadRows: 1000,
      quarantine: 'migrate.quarantine',
      phase: 'all',
      print: false,
      truncate: false,
      reports: [],
      untilDrained: false,
      rows: 20_000,
      keep: false,
    });
  });

  it('fills in what a part of the file leaves out, in every part that has defaults', () => {
    const parts = [
      'reference',
      'export',
      'verify',
      'gates',
      'checklist',
      'queries',
      'shim',
      'cutover',
      'log',
    ];
    const text = parts.map((part) => `${part}: {}`).join('\n');
    const file = { path: 'migrate.config.yaml', text };
    const { configFile: _, ...found } = resolve({ file });
    expect(found).toEqual(resolve());
  });

  it('lets an empty variable stand for none', () => {
    expect(resolve({ env: { MIGRATE_TARGET_URL: '' } }).target).toBeUndefined();
  });

  it('reads every kind of flag', () => {
    const config = resolve({
      flags: {
        tables: ['a,b.c', '"x,y"'],
        jobs: '3',
        chunkBytes: '8MB',
        json: true,
        progress: false,
        logLevel: 'debug',
      },
    });
    expect(config).toMatchObject({ include: ['a', 'b.c', '"x,y"'], jobs: 3, json: true, progress: false });
    expect(config.export.chunkBytes).toBe(8 * 1024 * 1024);
    expect(config.log).toEqual({ level: 'debug', format: 'text' });
  });
});

describe('the configuration file', () => {
  it('reads every key', () => {
    const config = resolve(
      file(`
source: postgresql://u:p@db1/app
target: postgresql://db2/app
plan: p.json
jobs: 6
include: [a, b]
exclude: c
distributionColumn: [tenant, namespace]
widenSerial: true
shardCount: 64
tables:
  orders: {placement: distributed, distributeBy: tenant, types: {note: text}}
  audit.log: {via: log_order_fkey}
foreignKeys: {orders.orders_user_fkey: drop}
types: {ruvector(384): vector(384)}
reference: {maxBytes: 1GB}
nodeAddresses: {"10.0.0.1:5432": "127.0.0.1:6001", "[::1]:5432": "w2:5432"}
export: {compress: none, chunkBytes: 1MB}
verify: {mode: counts}
log: {format: json}
metricsPort: 9187
progress: false
throttle:
  replicationLag: 1.5min
  replicationLagBytes: off
  activeConnections: 0
  queries: [SELECT false, {sql: SELECT 3, on: source, limit: 2.5}]
maxRate: 50MB/s
control: c.yaml
connectionReserve: 0
`),
    );
    expect(config).toMatchObject({
      configFile: 'm.yaml',
      include: ['a', 'b'],
      exclude: ['c'],
      distributionColumn: ['tenant', 'namespace'],
      shardCount: 64,
      tables: {
        orders: { distributeBy: 'tenant', types: { note: 'text' } },
        'audit.log': { via: 'log_order_fkey' },
      },
      foreignKeys: { 'orders.orders_user_fkey': 'drop' },
      types: { 'ruvector(384)': 'vector(384)' },
      reference: { maxRows: 10_000, maxBytes: 1024 ** 3 },
      nodeAddresses: { '10.0.0.1:5432': '127.0.0.1:6001', '[::1]:5432': 'w2:5432' },
      export: { compress: 'none', chunkBytes: 1024 ** 2 },
      verify: { mode: 'counts', maxDiscrepancies: 100 },
      log: { level: 'info', format: 'json' },
      metricsPort: 9187,
      progress: false,
      throttle: {
        replicationLag: 90_000,
        replicationLagBytes: Number.POSITIVE_INFINITY,
        activeConnections: 0,
        queries: [
          { sql: 'SELECT false', on: 'target', limit: 0 },
          { sql: 'SELECT 3', on: 'source', limit: 2.5 },
        ],
      },
      maxRate: 50 * 1024 ** 2,
      control: 'c.yaml',
      connectionReserve: 0,
    });
    expect(JSON.stringify(config)).not.toContain('u:p');
  });

  it('may be empty', () => {
    expect(resolve(file('# nothing yet\n')).jobs).toBe(4);
  });

  it('reports every problem at once, by key path and position', () => {
    const text = `jobs: many
tables:
  orders:
    placment: reference
  users: {placement: nowhere}
  logs: {placement: local, via: x}
shardCount: 100000
foreignKeys: {orders: drop}
nodeAddresses: {w1: "a:1"}
verify: 3
`;
    const found = problems({ ...file(text), flags: { logLevel: 'loud', jobs: '0' } });
    expect(found).toHaveLength(10);
    expect(found).toEqual(
      expect.arrayContaining([
        'jobs (m.yaml:1:1): expected a whole number from 1 to 1024',
        'tables.orders.placment (m.yaml:4:5): unknown key; did you mean "placement"?',
        'tables.users.placement (m.yaml:5:11): expected one of distributed, reference, local',
        'tables.logs.via (m.yaml:6:28): cannot stand beside placement: local',
        'shardCount (m.yaml:7:1): expected a whole number from 1 to 64000',
        'foreignKeys.orders (m.yaml:8:15): expected a key of the form table.constraint',
        'nodeAddresses.w1 (m.yaml:9:17): expected host:port',
        'verify (m.yaml:10:1): expected keys and values',
        'log.level (--log-level): expected one of debug, info, warn, error',
        'jobs (--jobs): expected a whole number from 1 to 1024',
      ]),
    );
  });

  it('knows where YAML itself is broken, duplicate keys included', () => {
    expect(problems(file('jobs: 1\njobs: 2\n'))).toEqual([expect.stringMatching(/^m\.yaml:2:1: .*unique/)]);
    expect(problems(file('tables: [a\n'))[0]).toMatch(/^m\.yaml:\d+:\d+: /);
    expect(problems(file('plan: *nowhere\n'))[0]).toMatch(/^m\.yaml.*nowhere/);
  });

  it('does not repeat a password that stands in the wrong place', () => {
    const found = problems(
      file('sorce: postgresql://u:hunter2@h/d\ntarget: [postgresql://u:hunter2@h/d]\nlog: "u:hunter2'),
    );
    const more = problems(file('sorce: postgresql://u:hunter2@h/d\ntarget: [postgresql://u:hunter2@h/d]\n'));
    expect([...found, ...more].join('\n')).not.toContain('hunter2');
    expect(more[0]).toContain('did you mean "source"?');
  });

  it('refuses a list at the top', () => {
    expect(problems(file('- a\n'))).toEqual(['m.yaml: expected keys and values']);
  });

  it('is optional under its default name and required when named', () => {
    const cwd = mkdtempSync(join(tmpdir(), 'config-'));
    try {
      expect(readConfigFile(undefined, cwd)).toBeUndefined();
      expect(() => readConfigFile('absent.yaml', cwd)).toThrow(/absent\.yaml does not exist/);
      writeFileSync(join(cwd, 'migrate.config.yaml'), 'jobs: 2');
      expect(readConfigFile(undefined, cwd)).toEqual({ path: 'migrate.config.yaml', text: 'jobs: 2' });
    } finally {
      rmSync(cwd, { recursive: true });
    }
  });
});

describe('limits of the throttle', () => {
  const flags = (...throttle: string[]) => resolve({ flags: { throttle } }).throttle;

  it('are read from repeated flags, a lag by its unit', () => {
    expect(
      flags('lag=10s', 'lag=64MB', 'active=50', 'query=SELECT 1, 2', 'source-query=SELECT a=b FROM "x,y"'),
    ).toEqual({
      replicationLag: 10_000,
      replicationLagBytes: 64 * 1024 ** 2,
      activeConnections: 50,
      queries: [
        { sql: 'SELECT 1, 2', on: 'target', limit: 0 },
        { sql: 'SELECT a=b FROM "x,y"', on: 'source', limit: 0 },
      ],
    });
    expect(resolve({ flags: { throttle: 'active=1' } }).throttle).toEqual({ activeConnections: 1 });
  });

  it('take the place of the same limit in the file, and leave the others', () => {
    const text = 'throttle: {replicationLag: 10s, activeConnections: 5, queries: [SELECT true]}';
    expect(
      resolve({ ...file(text), flags: { throttle: ['lag=off', 'query=SELECT false'] } }).throttle,
    ).toEqual({
      replicationLag: Number.POSITIVE_INFINITY,
      replicationLagBytes: Number.POSITIVE_INFINITY,
      activeConnections: 5,
      queries: [{ sql: 'SELECT false', on: 'target', limit: 0 }],
    });
  });

  it('are refused with every problem at once', () => {
    const text = `throttle: {replicationLag: 10, activeConnections: many, queries: SELECT 1, lag: 1s}
maxRate: 1kB
`;
    expect(
      problems({
        ...file(text),
        flags: { throttle: ['lag=10', 'active=x', 'speed=3', 'query='], maxRate: 'x' },
      }),
    ).toEqual([
      'throttle.replicationLag (m.yaml:1:12): expected a duration such as 10s or 500ms, or off',
      'throttle.activeConnections (m.yaml:1:32): expected a whole number of connections, or off',
      'throttle.queries (m.yaml:1:57): expected a list of queries',
      'throttle.lag (m.yaml:1:76): unknown key',
      'maxRate (m.yaml:2:1): expected bytes per second of at least 32kB such as 50MB, or off',
      'throttle (--throttle): lag: expected a duration such as 10s or 500ms, or a size such as 64MB',
      'throttle (--throttle): active: expected a whole number of connections',
      'throttle (--throttle): expected lag=10s, lag=64MB, active=50, query=SELECT … or source-query=SELECT …',
      'maxRate (--max-rate): expected bytes per second of at least 32kB such as 50MB, or off',
    ]);
  });
});

describe('the number of jobs', () => {
  it('tells whether somebody asked for it', () => {
    expect(resolve().jobsGiven).toBe(false);
    expect(resolve(file('jobs: 4')).jobsGiven).toBe(true);
    expect(resolve({ flags: { jobs: '4' } }).jobsGiven).toBe(true);
  });
});

describe('the control file', () => {
  const control = (text: string) => parseControlFile({ path: 'c.yaml', text });

  it('says what to change, and nothing when it is empty', () => {
    expect(control('pause: true\njobs: 2\nmaxRate: off\nthrottle: {replicationLag: off}\n')).toEqual({
      content: { pause: true, jobs: 2, maxRate: 0, throttle: { replicationLag: Number.POSITIVE_INFINITY } },
      problems: [],
    });
    expect(control('')).toEqual({ content: {}, problems: [] });
  });

  it('is refused as a whole, with every problem', () => {
    expect(control('pause: maybe\njobs: 2\nmaxrate: 1MB\n')).toEqual({
      content: {},
      problems: [
        'pause (c.yaml:1:1): expected true or false',
        'maxrate (c.yaml:3:1): unknown key; did you mean "maxRate"?',
      ],
    });
    expect(control('pause: [').problems).toHaveLength(1);
  });
});

describe('the option table', () => {
  it('has every option that the reference lists for all commands', () => {
    expect(EVERYWHERE.map((name) => OPTIONS[name].flag)).toEqual([
      'source',
      'target',
      'config',
      'plan',
      'tables',
      'exclude',
      'jobs',
      'json',
      'progress',
      'log-level',
      'log-format',
      'metrics-port',
      'yes',
    ]);
  });

  it.each([
    [{ jobs: '2.5' }, /^jobs \(--jobs\)/],
    [{ jobs: 'x' }, /^jobs \(--jobs\)/],
    [{ chunkBytes: '64 parsecs' }, /--chunk-bytes\): expected a size/],
    [{ chunkBytes: '1kB' }, /at least 65536 bytes/],
    [{ metricsPort: '70000' }, /--metrics-port/],
    [{ tables: 'a,,b' }, /--tables\): expected a table name, found an empty name/],
    [{ tables: '' }, /--tables/],
    [{ schemaPhase: 'data' }, /--phase\): expected one of before-data, after-data, all/],
    [{ source: '' }, /--source\): expected a connection string/],
  ])('refuses %j', (flags, message) => {
    expect(problems({ flags })).toEqual([expect.stringMatching(message)]);
  });
});

describe('suggestions', () => {
  it('offers what is near and nothing that is far', () => {
    const known = ['distributionColumn', 'exclude', 'jobs', 'tables'];
    expect(suggest('distribution_column', known)).toBe('distributionColumn');
    expect(suggest('exlcude', known)).toBe('exclude');
    expect(suggest('job', known)).toBe('jobs');
    expect(suggest('password', known)).toBeUndefined();
    expect(suggest('x', [])).toBeUndefined();
  });
});
