import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MigrateError } from '../../src/core/errors.js';
import {
  type Conninfo,
  describe as describeConninfo,
  resolveConninfo,
  tlsAttempts,
  toClientConfig,
} from '../../src/postgres/conninfo.js';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'conninfo-'));
});
afterEach(() => rmSync(home, { recursive: true }));

const resolve = (url: string | undefined, env: Record<string, string> = {}): Conninfo =>
  resolveConninfo(url, env, { home, osUser: 'osuser', socketDirectories: [join(home, 'sockets')] });

const failure = (work: () => unknown): MigrateError => {
  try {
    work();
  } catch (error) {
    if (error instanceof MigrateError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};

const places = (conninfo: Conninfo): string[] => conninfo.hosts.map(({ host, port }) => `${host}|${port}`);

describe('connection URIs', () => {
  it('reads user, password, host, port, database and parameters', () => {
    const conninfo = resolve('postgresql://app:s3cret@db1:5433/shop?application_name=x&connect_timeout=7');
    expect(conninfo).toMatchObject({
      user: 'app',
      database: 'shop',
      applicationName: 'x',
      connectTimeoutSeconds: 7,
    });
    expect(places(conninfo)).toEqual(['db1|5433']);
    expect(conninfo.password?.reveal()).toBe('s3cret');
  });

  it.each([
    ['postgres://db1/app', ['db1|5432']],
    ['postgresql://db1:1,db2:2/app', ['db1|1', 'db2|2']],
    ['postgresql://db1,db2:7/app', ['db1|5432', 'db2|7']],
    ['postgresql://[2001:db8::1]:6000,db2/app', ['2001:db8::1|6000', 'db2|5432']],
    ['postgresql://%2Fvar%2Frun/app', ['/var/run|5432']],
    ['postgresql:///app?host=/var/run/postgresql&port=5477', ['/var/run/postgresql|5477']],
    ['postgresql:///app?host=a,b&port=9', ['a|9', 'b|9']],
    ['postgresql://', ['localhost|5432']],
  ])('finds the hosts of %s', (url, expected) => {
    expect(places(resolve(url))).toEqual(expected);
  });

  it('decodes percent escapes in every part', () => {
    const conninfo = resolve('postgresql://us%40er:p%3A%2F%40%25@h/d%C3%A4?application_name=a%20b');
    expect(conninfo).toMatchObject({ user: 'us@er', database: 'dä', applicationName: 'a b' });
    expect(conninfo.password?.reveal()).toBe('p:/@%');
  });

  it('takes user and database from the operating system when nothing names them', () => {
    expect(resolve('postgresql://h')).toMatchObject({ user: 'osuser', database: 'osuser' });
    expect(resolve('postgresql://u@h')).toMatchObject({ user: 'u', database: 'u' });
  });

  it('takes a socket that exists before localhost', () => {
    mkdirSync(join(home, 'sockets'));
    writeFileSync(join(home, 'sockets', '.s.PGSQL.5499'), '');
    expect(places(resolve('postgresql://:5499/x'))).toEqual([`${join(home, 'sockets')}|5499`]);
    expect(places(resolve('postgresql://:5498/x'))).toEqual(['localhost|5498']);
  });

  it.each([
    ['postgresql://u:hunter2@h/d?sslmod=require', /"sslmod"/],
    ['postgresql://u:hunter2@h:port/d', /host and port/],
    ['postgresql://u:hunter2@h:70000/d', /65535/],
    ['postgresql://u:pa@hunter2@h/d', /@ too many/],
    ['postgresql://u:12/hunter2@h/d', /@ too many/],
    ['postgresql://u:hunter2/x@h/d', /@ too many/],
    ['postgresql://u:hunter2%zz@h/d', /percent escape/],
    ['postgresql://u:hunter2@h/d?sslmode', /name=value/],
    ['postgresql://u:hunter2@h/d?sslmode=hunter2', /verify-full/],
    ['postgresql://u:hunter2@h/d?require_auth=scram-sha-256', /require_auth/],
    ['postgresql://u:hunter2@h/d?gssencmode=require', /gssencmode/],
    ['postgresql://u:hunter2@h/d?connect_timeout=soon', /connect_timeout/],
    ['postgresql://u:hunter2@a,b,c/d?port=1,2', /2 ports .* 3 hosts/],
    ['postgresql://u:hunter2@h/d?sslrootcert=system&sslmode=require', /verify-full/],
    ['mysql://u:hunter2@h/d', /mysql:/],
    ['hunter2', /keyword=value/],
  ])('refuses %s without repeating the password', (url, message) => {
    const error = failure(() => resolve(url));
    expect(error.code).toBe('URL_INVALID');
    expect(error.message).toMatch(message);
    expect(`${error.message} ${error.hint} ${JSON.stringify(error.context)}`).not.toContain('hunter2');
  });
});

describe('keyword/value strings', () => {
  it('reads quoted and escaped values', () => {
    const conninfo = resolve(
      String.raw`host = db1 user='o\'neil' dbname='my app' password=a\ b\\c port='5440'`,
    );
    expect(conninfo).toMatchObject({ user: "o'neil", database: 'my app' });
    expect(conninfo.password?.reveal()).toBe('a b\\c');
    expect(places(conninfo)).toEqual(['db1|5440']);
  });

  it('lets an empty value stand for none', () => {
    expect(resolve("host=h password='' dbname=d").password).toBeUndefined();
  });

  it.each(['host=a nonsense', "host='unclosed", 'host=a pasword=x'])('refuses %s', (text) => {
    expect(failure(() => resolve(text)).code).toBe('URL_INVALID');
  });
});

describe('environment, services and password files', () => {
  it('fills in from the environment only what the URL leaves out', () => {
    const env = {
      PGHOST: 'envhost',
      PGPORT: '6001',
      PGUSER: 'envuser',
      PGPASSWORD: 'envpw',
      PGDATABASE: 'envdb',
      PGSSLMODE: 'disable',
      PGCONNECT_TIMEOUT: '3',
    };
    const all = resolve(undefined, env);
    expect(all).toMatchObject({
      user: 'envuser',
      database: 'envdb',
      sslmode: 'disable',
      connectTimeoutSeconds: 3,
    });
    expect(places(all)).toEqual(['envhost|6001']);
    expect(all.password?.reveal()).toBe('envpw');
    const some = resolve('postgresql://u:own@h:1/d?sslmode=require', env);
    expect(some).toMatchObject({ user: 'u', database: 'd', sslmode: 'require' });
    expect(some.password?.reveal()).toBe('own');
  });

  it('names the variable that is wrong', () => {
    expect(failure(() => resolve('postgresql://h', { PGSSLMODE: 'always' })).message).toContain('PGSSLMODE');
  });

  it('puts a service between the URL and the environment', () => {
    writeFileSync(
      join(home, '.pg_service.conf'),
      '# mine\n[other]\nhost=no\n[prod]\nhost=svc\nport=6002\nuser=svcuser\n',
    );
    const conninfo = resolve('postgresql://me@/?service=prod', { PGHOST: 'envhost', PGDATABASE: 'envdb' });
    expect(conninfo).toMatchObject({ user: 'me', database: 'envdb' });
    expect(places(conninfo)).toEqual(['svc|6002']);
    writeFileSync(join(home, 'svc'), '[x]\nhost=fromfile\n');
    const other = resolve(undefined, { PGSERVICE: 'x', PGSERVICEFILE: join(home, 'svc') });
    expect(places(other)).toEqual(['fromfile|5432']);
  });

  it('refuses an unknown service, nested services and unknown keywords in one', () => {
    expect(failure(() => resolve('service=none')).message).toContain('"none"');
    writeFileSync(join(home, '.pg_service.conf'), '[a]\nservice=b\n[c]\nhoost=x\n');
    expect(failure(() => resolve('service=a')).message).toContain('nest');
    expect(failure(() => resolve('service=c')).message).toMatch(/line 4.*"hoost"/);
  });

  const pgpass = (text: string, mode = 0o600): void => {
    writeFileSync(join(home, '.pgpass'), text);
    chmodSync(join(home, '.pgpass'), mode);
  };

  it('looks the password up by host, port, database and user', () => {
    pgpass(
      '# comment\nshort:line\ndb1:5432:other:u:no\ndb1:*:d:u:one\n\\*:5432:d:u:literal\n*:*:*:*:a\\:b\\\\c:rest\n',
    );
    expect(resolve('postgresql://u@db1/d').hosts[0]!.password?.reveal()).toBe('one');
    expect(resolve('postgresql://u@db2/d').hosts[0]!.password?.reveal()).toBe('a:b\\c');
    const both = resolve('postgresql://u@db1,db2/d');
    expect(both.hosts.map((host) => host.password?.reveal())).toEqual(['one', 'a:b\\c']);
    expect(toClientConfig(both, both.hosts[1]!).password).toBe('a:b\\c');
  });

  it('calls the default socket directory localhost, as libpq does', () => {
    pgpass('localhost:5432:d:u:local\n');
    expect(resolve(`postgresql://u@/d?host=${join(home, 'sockets')}`).hosts[0]!.password?.reveal()).toBe(
      'local',
    );
    expect(resolve('postgresql://u@/d?host=/elsewhere').hosts[0]!.password).toBeUndefined();
  });

  it('ignores a password file that others can read, and says so', () => {
    pgpass('*:*:*:*:open\n', 0o644);
    const conninfo = resolve('postgresql://u@h/d');
    expect(conninfo.hosts[0]!.password).toBeUndefined();
    expect(conninfo.warnings).toEqual([expect.stringContaining('0600')]);
  });

  it('does not open the password file when a password is given', () => {
    pgpass('*:*:*:*:filepw\n', 0o644);
    expect(resolve('postgresql://u:own@h/d')).toMatchObject({ warnings: [] });
  });

  it('honours PGPASSFILE', () => {
    writeFileSync(join(home, 'pw'), 'h:5432:d:u:custom', { mode: 0o600 });
    expect(resolve('postgresql://u@h/d', { PGPASSFILE: join(home, 'pw') }).hosts[0]!.password?.reveal()).toBe(
      'custom',
    );
  });
});

describe('what is printed', () => {
  it('describes the place without the password', () => {
    expect(describeConninfo(resolve('postgresql://app:pw@db1,[::1]:7/app'))).toBe('app@db1:5432,[::1]:7/app');
  });

  it('hides the password from JSON, inspect and templates', () => {
    writeFileSync(join(home, '.pgpass'), '*:*:*:*:hunter2', { mode: 0o600 });
    for (const conninfo of [resolve('postgresql://u:hunter2@h/d'), resolve('postgresql://u@h/d')]) {
      const printed = `${JSON.stringify(conninfo)} ${inspect(conninfo, { depth: 9 })} ${conninfo.password}`;
      expect(printed).toContain('***');
      expect(printed).not.toContain('hunter2');
    }
  });
});

describe('TLS', () => {
  it.each([
    ['disable', ['plain']],
    ['allow', ['plain', 'tls']],
    ['prefer', ['tls', 'plain']],
    ['require', ['tls']],
    ['verify-ca', ['tls']],
    ['verify-full', ['tls']],
  ])('sslmode=%s tries %j', (mode, attempts) => {
    expect(tlsAttempts(resolve(`postgresql://h/d?sslmode=${mode}`))).toEqual(attempts);
  });

  it('prefers TLS by default and never speaks it over a socket', () => {
    expect(tlsAttempts(resolve('postgresql://h/d'))).toEqual(['tls', 'plain']);
    const socket = resolve('postgresql:///d?host=/tmp&sslmode=require');
    expect(tlsAttempts(socket)).toEqual(['plain']);
    expect(toClientConfig(socket, socket.hosts[0]!, 'tls').ssl).toBe(false);
  });

  const ssl = (query: string): Record<string, unknown> => {
    const conninfo = resolve(`postgresql://u@h/d?${query}`);
    return toClientConfig(conninfo, conninfo.hosts[0]!, 'tls').ssl as Record<string, unknown>;
  };

  it('require encrypts without verification unless a root certificate exists', () => {
    expect(ssl('sslmode=require')).toEqual({ rejectUnauthorized: false });
    expect(ssl(`sslmode=require&sslrootcert=${home}/absent`)).toEqual({ rejectUnauthorized: false });
    writeFileSync(join(home, 'ca.crt'), 'CA');
    const verified = ssl(`sslmode=require&sslrootcert=${home}/ca.crt`);
    expect(verified).toMatchObject({ rejectUnauthorized: true, ca: 'CA' });
    expect((verified.checkServerIdentity as () => unknown)()).toBeUndefined();
  });

  it('verify-full checks the name, verify-ca the chain alone', () => {
    mkdirSync(join(home, '.postgresql'));
    writeFileSync(join(home, '.postgresql', 'root.crt'), 'HOME CA');
    expect(ssl('sslmode=verify-full')).toEqual({ rejectUnauthorized: true, ca: 'HOME CA' });
    expect(ssl('sslmode=verify-ca')).toHaveProperty('checkServerIdentity');
  });

  it.each(['verify-ca', 'verify-full'])('%s refuses to go on without a root certificate', (mode) => {
    const error = failure(() => ssl(`sslmode=${mode}`));
    expect(error.code).toBe('TLS_FAILED');
    expect(error.message).toContain(`sslmode=${mode}`);
  });

  it('sslrootcert=system means verify-full against trusted roots', () => {
    expect(resolve('postgresql://h/d?sslrootcert=system').sslmode).toBe('verify-full');
    expect(ssl('sslrootcert=system')).toMatchObject({ rejectUnauthorized: true });
    expect(ssl('sslrootcert=system')).not.toHaveProperty('checkServerIdentity');
  });

  it('sends a client certificate and refuses a key that others can read', () => {
    writeFileSync(join(home, 'c.crt'), 'CERT');
    const query = `sslmode=require&sslcert=${home}/c.crt&sslkey=${home}/c.key`;
    expect(failure(() => ssl(query)).code).toBe('TLS_FAILED');
    writeFileSync(join(home, 'c.key'), 'KEY', { mode: 0o600 });
    expect(ssl(`${query}&sslpassword=pp`)).toMatchObject({ cert: 'CERT', key: 'KEY', passphrase: 'pp' });
    chmodSync(join(home, 'c.key'), 0o644);
    expect(failure(() => ssl(query)).hint).toContain('chmod');
  });

  it('checks the certificate of the name while connecting to hostaddr', () => {
    const conninfo = resolve('host=db.example hostaddr=192.0.2.1 sslmode=require user=u');
    expect(toClientConfig(conninfo, conninfo.hosts[0]!)).toMatchObject({
      host: '192.0.2.1',
      ssl: { host: 'db.example', servername: 'db.example' },
    });
  });
});

describe('client options', () => {
  it('leaves nothing to the environment of the process', () => {
    const conninfo = resolve('postgresql://u:p@h:1/d?keepalives_idle=30&options=-c%20a%3Db');
    expect(toClientConfig(conninfo, conninfo.hosts[0]!, 'plain')).toEqual({
      host: 'h',
      port: 1,
      user: 'u',
      password: 'p',
      database: 'd',
      ssl: false,
      sslnegotiation: 'postgres',
      connectionTimeoutMillis: 0,
      options: '-c a=b',
      keepAlive: true,
      keepAliveInitialDelayMillis: 30_000,
    });
  });
});
