import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// Runs the built program as its users do: `npm run build` comes first.
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const BIN = join(ROOT, 'bin/migrate.js');

let cwd: string;
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), 'cli-'));
});
afterAll(() => rmSync(cwd, { recursive: true }));

interface Ended {
  code: number | null;
  out: string;
  err: string;
}

interface Child {
  ended: Promise<Ended>;
  kill(signal: NodeJS.Signals): void;
  /** Resolves when the text was seen on stderr. */
  seen(text: string): Promise<void>;
}

function start(argv: string[], options: { closeStdout?: boolean } = {}): Child {
  const env = { PATH: process.env.PATH, HOME: cwd };
  const child = spawn(process.execPath, argv, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const texts = { out: '', err: '' };
  let look = (): void => {};
  if (options.closeStdout) child.stdout.destroy();
  else child.stdout.on('data', (chunk: Buffer) => (texts.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => {
    texts.err += chunk.toString();
    look();
  });
  return {
    ended: new Promise((resolve) => child.once('close', (code) => resolve({ code, ...texts }))),
    kill: (signal) => void child.kill(signal),
    seen: (text) =>
      new Promise((resolve) => {
        look = () => texts.err.includes(text) && resolve();
        look();
      }),
  };
}

const migrate = (...argv: string[]): Promise<Ended> => start([BIN, ...argv]).ended;

const COMMANDS = ['plan', 'schema', 'export', 'import', 'copy', 'verify', 'demo'];

describe('the program', () => {
  it('shows its version, its commands and the help of each', async () => {
    expect((await migrate('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/);
    const { code, out, err } = await migrate('help');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    for (const command of COMMANDS) {
      expect(out).toContain(`migrate ${command} `);
      const help = await migrate('help', command);
      expect(help).toMatchObject({ code: 0, err: '' });
      expect(help.out).toContain(`Examples:\n  migrate ${command}`);
      for (const option of ['--source', '--plan', '--json', '--metrics-port', '--yes'])
        expect(help.out).toContain(option);
    }
  });

  it('completes commands and options', async () => {
    expect((await migrate('completion')).out).toContain('complete -o bashdefault');
    expect((await migrate('--get-yargs-completions', 'migrate', '')).out.split('\n')).toEqual(
      expect.arrayContaining(COMMANDS),
    );
    expect((await migrate('--get-yargs-completions', 'migrate', 'export', '--')).out).toContain(
      '--chunk-bytes',
    );
  });

  it.each([
    [[], 'USAGE'],
    [['nonsense'], 'USAGE'],
    [['plan', '--nonsense'], 'USAGE'],
    [['export'], 'USAGE'],
    [['import'], 'USAGE'],
    [['schema', '--phase', 'data'], 'USAGE'],
    [['copy', '--jobs', 'none'], 'CONFIG_INVALID'],
    [['verify', '--config', 'absent.yaml'], 'CONFIG_INVALID'],
  ])('refuses %j with exit code 2, in text and as a document', async (argv, code) => {
    const text = await migrate(...argv);
    expect(text).toMatchObject({ code: 2, out: '' });
    expect(text.err).toContain(`(${code}`);
    expect(text.err).not.toMatch(/^\s+at /m);
    const json = await migrate(...argv, '--json');
    expect(json).toMatchObject({ code: 2, err: '' });
    expect(JSON.parse(json.out)).toMatchObject({ exit: 2, error: { code, hint: expect.any(String) } });
  });

  it('reports every problem of the configuration file in its directory', async () => {
    writeFileSync(join(cwd, 'migrate.config.yaml'), 'sorce: postgresql://u:hunter2@h/d\njobs: 0\n');
    try {
      const { code, out } = await migrate('plan', '--json');
      expect(code).toBe(2);
      expect(JSON.parse(out).error.context.problems).toEqual([
        'sorce (migrate.config.yaml:1:1): unknown key; did you mean "source"?',
        'jobs (migrate.config.yaml:2:1): expected a whole number from 1 to 1024',
      ]);
      expect(out).not.toContain('hunter2');
    } finally {
      rmSync(join(cwd, 'migrate.config.yaml'));
    }
  });

  it('survives a reader that goes away', async () => {
    expect(await start([BIN, 'help'], { closeStdout: true }).ended).toMatchObject({ code: 0, err: '' });
  });

  it('exits with 70 when it cannot even be loaded', async () => {
    mkdirSync(join(cwd, 'bin'));
    writeFileSync(join(cwd, 'package.json'), '{"type":"module"}');
    copyFileSync(BIN, join(cwd, 'bin/migrate.js'));
    const { code, err } = await start([join(cwd, 'bin/migrate.js'), 'plan']).ended;
    expect(code).toBe(70);
    expect(err).toContain('could not be started');
  });
});

/** The frame in a process of its own around a command that is written here. */
const framed = (run: string, ...argv: string[]): Child =>
  start([
    '--input-type=module',
    '-e',
    `import { runFrame } from ${JSON.stringify(new URL('../../dist/cli/frame/run.js', import.meta.url).href)};
     process.exitCode = 70;
     const run = ${run};
     const { env, stdin, stdout, stderr } = process;
     const command = { name: 'work', summary: 'Works', options: [], examples: [], run };
     process.exitCode = await runFrame({ argv: ['work', ...${JSON.stringify(argv)}], env, cwd: process.cwd(), stdin,
       stdout, stderr, process, clock: { now: () => Date.now() }, commands: [command], version: '0.0.0' });`,
  ]);

const STAY = 'const hold = setInterval(() => {}, 1e6); process.stderr.write("ready\\n");';
const STOPS = `({ context }) => { ${STAY} return new Promise((_, reject) =>
  context.signal.addEventListener('abort', () => { clearInterval(hold); reject(context.signal.reason); })); }`;
const HANGS = `() => { ${STAY} return new Promise(() => {}); }`;

describe('signals and accidents in a real process', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s ends the work at a clean point with exit code %i', async (signal, exit) => {
    const child = framed(STOPS, '--json');
    await child.seen('ready');
    child.kill(signal);
    const { code, out } = await child.ended;
    expect(code).toBe(exit);
    expect(JSON.parse(out)).toMatchObject({ exit, error: { code: 'CANCELLED' } });
  });

  it('a second SIGINT ends it now', async () => {
    const child = framed(HANGS, '--json');
    await child.seen('ready');
    child.kill('SIGINT');
    await child.seen('again to stop now');
    child.kill('SIGINT');
    const { code, out } = await child.ended;
    expect(code).toBe(130);
    expect(JSON.parse(out)).toMatchObject({ exit: 130, error: { message: 'Stopped by SIGINT at once' } });
  });

  it.each([
    [
      'a rejection that nobody handles',
      `() => { ${STAY} Promise.reject(new Error('lost')); return new Promise(() => {}); }`,
    ],
    [
      'an exception outside of the command',
      `() => { ${STAY} setImmediate(() => { throw new Error('lost'); }); return new Promise(() => {}); }`,
    ],
    ['running out of work', '() => new Promise(() => {})'],
  ])('%s is a bug: exit code 70 and one document', async (_what, run) => {
    const { code, out } = await framed(run, '--json').ended;
    expect(code).toBe(70);
    expect(JSON.parse(out)).toMatchObject({ command: 'work', exit: 70, error: { code: 'INTERNAL' } });
  });

  it('a result larger than a pipe arrives whole', async () => {
    const { code, out } = await framed(
      `async () => ({ exit: 1, text: '', document: { rows: 'x'.repeat(5e6) } })`,
      '--json',
    ).ended;
    expect(code).toBe(1);
    expect(JSON.parse(out).rows).toHaveLength(5_000_000);
  });
});
