import { EventEmitter } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Command, Invocation, Outcome } from '../../src/cli/frame/command.js';
import { declined } from '../../src/cli/frame/confirm.js';
import { type FrameProcess, runFrame } from '../../src/cli/frame/run.js';
import { abortReason, MigrateError } from '../../src/core/errors.js';

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'frame-'));
});
afterEach(() => rmSync(cwd, { recursive: true }));

/** Promise.withResolvers, which Node.js 20 does not have. */
const latch = (): { promise: Promise<void>; resolve: () => void } => {
  let resolve = (): void => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
};

const fine: Outcome = { exit: 0, document: { answer: 42n }, text: 'all well' };

const command = (run: Command['run'], parts: Partial<Command> = {}): Command => ({
  name: 'work',
  summary: 'Works',
  options: ['truncate', 'phase'],
  examples: [['migrate work', 'Works']],
  run,
  ...parts,
});

const terminal = (stream: PassThrough): PassThrough =>
  Object.assign(stream, { isTTY: true, columns: 80, rows: 24 });

interface Ran {
  code: number;
  out: string;
  err: string;
  /** Codes of calls that end the process at once. */
  exits: number[];
}

/** Starts a run; `signals` is where a test sends signals and crashes to. */
function start(
  argv: string[],
  run: Command['run'] | Command,
  options: { env?: Record<string, string>; terminal?: boolean; stdin?: string; stdout?: PassThrough } = {},
) {
  const signals = new EventEmitter();
  const exits: number[] = [];
  const [stdin, stdout, stderr] = [new PassThrough(), options.stdout ?? new PassThrough(), new PassThrough()];
  for (const stream of options.terminal ? [stdin, stderr] : []) terminal(stream);
  if (options.stdin !== undefined) stdin.end(options.stdin);
  const texts = { out: '', err: '' };
  stdout.on('data', (chunk: Buffer) => {
    texts.out += chunk.toString();
  });
  stderr.on('data', (chunk: Buffer) => {
    texts.err += chunk.toString();
  });
  const left = new Promise<number>((resolve) => {
    Object.assign(signals, {
      exit: (code: number) => {
        exits.push(code);
        resolve(code);
      },
    });
  });
  const code = runFrame({
    argv,
    env: options.env ?? {},
    cwd,
    stdin,
    stdout,
    stderr,
    process: signals as unknown as FrameProcess,
    clock: { now: () => 1_700_000_000_000 },
    commands: [typeof run === 'function' ? command(run) : run],
    version: '9.9.9',
  });
  const done = code.then((value): Ran => ({ code: value, ...texts, exits }));
  const ended = left.then((value): Ran => ({ code: value, ...texts, exits }));
  return { signals, done, ended, texts };
}

const ran = (...parameters: Parameters<typeof start>): Promise<Ran> => start(...parameters).done;
const document = (text: string): Record<string, unknown> => {
  expect(text.endsWith('\n')).toBe(true);
  return JSON.parse(text) as Record<string, unknown>;
};

describe('results', () => {
  it('hands the printed document to what keeps it', async () => {
    let kept: Readonly<Record<string, unknown>> = {};
    const keep = async (given: Readonly<Record<string, unknown>>): Promise<void> => {
      kept = given;
    };
    const { out, code } = await ran(['work', '--json'], async () => ({ ...fine, keep }));
    expect(code).toBe(0);
    expect(kept).toMatchObject({ answer: '42', exit: 0 });
    expect(document(out)).toEqual(kept);
  });

  it('prints the result although it cannot be kept, and says so by exit code', async () => {
    const keep = async (): Promise<void> => {
      throw new MigrateError('LOCAL_IO', { message: 'Cannot use report.html' });
    };
    const text = await ran(['work'], async () => ({ ...fine, exit: 1, keep }));
    expect(text).toMatchObject({ code: 3, out: 'all well\n' });
    expect(text.err).toContain('Cannot use report.html');
    const json = await ran(['work', '--json'], async () => ({ ...fine, exit: 1, keep }));
    expect(json).toMatchObject({ code: 3, err: '' });
    expect(document(json.out)).toMatchObject({ answer: '42', exit: 3, error: { code: 'LOCAL_IO' } });
  });

  it('prints the text once and nothing on stderr', async () => {
    expect(await ran(['work'], async () => fine)).toEqual({ code: 0, out: 'all well\n', err: '', exits: [] });
  });

  it('prints one document with --json, bigints as strings', async () => {
    const { out, code } = await ran(['work', '--json'], async () => ({ ...fine, exit: 1 }));
    expect(code).toBe(1);
    expect(document(out)).toEqual({
      command: 'work',
      exit: 1,
      runId: expect.stringMatching(/^[0-9a-f]{8}$/),
      startedAt: '2023-11-14T22:13:20.000Z',
      durationMs: 0,
      answer: '42',
    });
  });

  it('does not let a command overwrite what every document has', async () => {
    const { out } = await ran(['work', '--json'], async () => ({
      ...fine,
      document: { exit: 9, command: 'x' },
    }));
    expect(document(out)).toMatchObject({ exit: 0, command: 'work' });
  });

  it('gives the command its configuration, context and run id', async () => {
    writeFileSync(join(cwd, 'migrate.config.yaml'), 'jobs: 3\nplan: from-file.json\n');
    let seen: Invocation | undefined;
    const { err } = await ran(
      ['work', '--plan', 'p.json', '--log-level', 'debug', '--log-format', 'json'],
      async (given) => {
        seen = given;
        return fine;
      },
    );
    expect(seen!.config).toMatchObject({ jobs: 3, plan: 'p.json', configFile: 'migrate.config.yaml' });
    expect(seen!.isTerminal).toBe(false);
    expect(seen!.style).toEqual({ colors: false });
    expect(JSON.parse(err.split('\n')[0]!)).toMatchObject({ level: 'debug', runId: seen!.runId });
  });

  it('takes a positional argument from its choices only', async () => {
    const positional = { name: 'action', describe: 'What to do', choices: ['install', 'remove'] };
    const shim = command(async ({ positional: action }) => ({ ...fine, text: String(action) }), {
      positional,
    });
    expect((await ran(['work', 'install'], shim)).out).toBe('install\n');
    for (const argv of [['work'], ['work', 'instal'], ['work', 'install', 'more']]) {
      const refused = await ran(argv, shim);
      expect(refused).toMatchObject({ code: 2, out: '' });
    }
    expect((await ran(['work'], shim)).err).toContain('One of install, remove must follow');
  });
});

describe('failures', () => {
  const failing = (error: unknown) => async (): Promise<Outcome> => {
    throw error;
  };
  const refusal = new MigrateError('TARGET_NOT_EMPTY', {
    message: 'Table orders holds 5 rows (postgresql://u:hunter2@h/d)',
    context: { table: 'orders' },
  });

  it('say what happened and what to do, without a stack and without a password', async () => {
    const { code, out, err } = await ran(['work', '--log-level', 'debug'], failing(refusal));
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain('migrate work: Table orders holds 5 rows (postgresql://u:***@h/d)\n');
    expect(err).toContain(
      '  What to do: Empty them, or repeat with --truncate.\n  (TARGET_NOT_EMPTY; table: orders)\n',
    );
    expect(err).not.toMatch(/hunter2|at .*\.ts:/);
  });

  it('are one document with --json', async () => {
    const { code, out, err } = await ran(['work', '--json'], failing(refusal));
    expect({ code, err }).toEqual({ code: 2, err: '' });
    expect(document(out)).toMatchObject({
      command: 'work',
      exit: 2,
      error: {
        code: 'TARGET_NOT_EMPTY',
        message: 'Table orders holds 5 rows (postgresql://u:***@h/d)',
        hint: 'Empty them, or repeat with --truncate.',
        context: { table: 'orders' },
      },
    });
  });

  it('have what the command advised before it failed, where it can be repeated', async () => {
    const losing: Command['run'] = async ({ advise, config }) => {
      if (config.truncate) advise('Repeat it without --truncate.');
      throw new MigrateError('CONNECTION_LOST');
    };
    const told = async (...argv: string[]): Promise<unknown> =>
      (document((await ran(['work', '--json', ...argv], losing)).out).error as { hint: string }).hint;
    const { hint } = new MigrateError('CONNECTION_LOST');
    expect(await told('--truncate')).toBe(`${hint} Repeat it without --truncate.`);
    expect(await told()).toBe(hint);
  });

  it('that nobody foresaw are bugs, with a stack only on request', async () => {
    const quiet = await ran(['work', '--json'], failing(new TypeError('x is undefined')));
    expect(document(quiet.out)).toMatchObject({
      exit: 70,
      error: { code: 'INTERNAL', message: 'TypeError: x is undefined' },
    });
    expect(quiet.code).toBe(70);
    expect(quiet.err).not.toMatch(/at .*\.ts:/);
    const loud = await ran(['work', '--log-level', 'debug'], failing(new TypeError('x is undefined')));
    expect(loud.err).toMatch(/at .*\.ts:/);
    expect((await ran(['work'], failing('a text'))).code).toBe(70);
  });

  it('of the local file system are no bugs', async () => {
    const full = Object.assign(new Error('no space'), { code: 'ENOSPC', path: '/dump/x' });
    const denied = Object.assign(new Error('no'), { code: 'EACCES', path: '/dump/x' });
    expect((await ran(['work', '--json'], failing(full))).out).toContain('"LOCAL_DISK_FULL"');
    expect((await ran(['work', '--json'], failing(denied))).out).toContain('"LOCAL_IO"');
    expect((await ran(['work'], failing(new AggregateError([refusal, denied])))).code).toBe(2);
  });

  it.each(['uncaughtException', 'unhandledRejection'])(
    'outside of the command end at once (%s)',
    async (event) => {
      const { signals, ended, done } = start(['work', '--json'], ({ context }) => {
        context.progress.start('x', []);
        queueMicrotask(() => signals.emit(event, new MigrateError('CONNECTION_LOST')));
        return new Promise(() => {});
      });
      const { exits, out } = await ended;
      expect(exits).toEqual([70]);
      expect(document(out)).toMatchObject({ exit: 70, error: { code: 'INTERNAL' } });
      void done;
    },
  );

  it('to finish at all are told when the process runs empty', async () => {
    const entered = latch();
    const { signals, texts } = start(['work', '--json'], () => {
      entered.resolve();
      return new Promise(() => {});
    });
    await entered.promise;
    signals.emit('exit');
    await new Promise(setImmediate);
    expect(document(texts.out)).toMatchObject({
      exit: 70,
      error: { message: 'The program ran out of work before its end' },
    });
  });

  it.each([
    [['work', '--json', '--nonsense'], 'USAGE'],
    [['work', '--json', '--jobs', 'x'], 'CONFIG_INVALID'],
    [['work', '--json', '--config', 'absent.yaml'], 'CONFIG_INVALID'],
    [['work', '--json', '--jobs'], 'USAGE'],
    [['work', '--json', '--jobs', '1', '--jobs', '2'], 'USAGE'],
    [['work', '--json', 'more'], 'USAGE'],
    [['work', '--json', '--', 'more'], 'USAGE'],
    [['--json', 'work', '--phase', 'x'], 'USAGE'],
  ])('of usage are documents too: %j', async (argv, code) => {
    const { out, code: exit } = await ran(argv, async () => fine);
    expect(exit).toBe(2);
    expect(document(out)).toMatchObject({ command: 'work', exit: 2, error: { code } });
  });

  it('of usage offer what was probably meant', async () => {
    expect((await ran(['work', '--truncte'], async () => fine)).err).toContain(
      'Unknown option --truncte; did you mean --truncate?',
    );
    expect((await ran(['wrk'], async () => fine)).err).toContain('Unknown command wrk; did you mean work?');
    expect((await ran([], async () => fine)).err).toContain('No command is given');
  });

  it('lists every configuration problem once in text', async () => {
    writeFileSync(join(cwd, 'c.yaml'), 'jbs: 3\nlog: {level: loud}\n');
    const { err } = await ran(['work', '--config', 'c.yaml'], async () => fine);
    expect(err.match(/did you mean "jobs"/g)).toHaveLength(1);
    expect(err).toContain('  log.level (c.yaml:2:7): expected one of debug, info, warn, error');
  });

  it('requires options that a command cannot do without', async () => {
    const needy = command(async () => fine, { options: ['out'], required: ['out'] });
    expect((await ran(['work'], needy)).err).toContain('--out DIR is missing');
    expect((await ran(['work', '--out', 'd'], needy)).code).toBe(0);
  });
});

describe('signals', () => {
  /** Works until it is told to stop, then ends as `how` says. */
  const patient =
    (entered: () => void, how: (signal: AbortSignal) => Promise<Outcome>): Command['run'] =>
    async ({ context: { signal } }) => {
      const stopped = new Promise((resolve) => signal.addEventListener('abort', resolve));
      entered();
      await stopped;
      return how(signal);
    };
  const reject = async (signal: AbortSignal): Promise<Outcome> => {
    throw abortReason(signal);
  };

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('%s stops at a clean point with exit code %i', async (name, exit) => {
    const entered = latch();
    const { signals, done } = start(['work', '--json'], patient(entered.resolve, reject));
    await entered.promise;
    signals.emit(name);
    const result = await done;
    expect(result).toMatchObject({ code: exit, exits: [] });
    expect(result.err).toMatch(/again to stop now/);
    expect(document(result.out)).toMatchObject({
      exit,
      error: { code: 'CANCELLED', message: `Stopped by ${name} at a clean point`, context: { signal: name } },
    });
  });

  it('count a connection torn down by the stop as stopped, but not a bug', async () => {
    for (const [error, code] of [
      [new MigrateError('CONNECTION_LOST'), 130],
      [new DOMException('aborted', 'AbortError'), 130],
      [new TypeError('bug'), 70],
    ] as const) {
      const entered = latch();
      const { signals, done } = start(
        ['work'],
        patient(entered.resolve, () => Promise.reject(error)),
      );
      await entered.promise;
      signals.emit('SIGINT');
      expect((await done).code).toBe(code);
    }
  });

  it('do not take back work that was finished anyway', async () => {
    const entered = latch();
    const { signals, done } = start(
      ['work'],
      patient(entered.resolve, async () => fine),
    );
    await entered.promise;
    signals.emit('SIGINT');
    expect(await done).toMatchObject({ code: 0, out: 'all well\n' });
  });

  it('end at once when repeated, still with a document', async () => {
    const entered = latch();
    const { signals, ended } = start(
      ['work', '--json'],
      patient(entered.resolve, () => new Promise(() => {})),
    );
    await entered.promise;
    signals.emit('SIGINT');
    signals.emit('SIGTERM');
    const { exits, out } = await ended;
    expect(exits).toEqual([143]);
    expect(document(out)).toMatchObject({ exit: 143, error: { message: 'Stopped by SIGTERM at once' } });
  });

  it('leave no listeners behind', async () => {
    const { signals, done } = start(['work'], async () => fine);
    await done;
    expect(signals.eventNames()).toEqual([]);
  });
});

describe('stdout', () => {
  const broken = (code: string): PassThrough => {
    const stream = new PassThrough();
    stream._write = (_chunk, _encoding, callback) => callback(Object.assign(new Error(code), { code }));
    return stream;
  };

  it('may be closed by its reader', async () => {
    expect(await ran(['work'], async () => fine, { stdout: broken('EPIPE') })).toMatchObject({
      code: 0,
      err: '',
    });
  });

  it('that is full makes the command fail', async () => {
    const { code, err } = await ran(['work'], async () => fine, { stdout: broken('ENOSPC') });
    expect(code).toBe(3);
    expect(err).toContain('LOCAL_DISK_FULL');
  });
});

describe('confirmation', () => {
  const asking: Command['run'] = async ({ confirm }) => ({
    ...fine,
    text: String(await confirm('Empty 3 tables?')),
  });

  it.each([
    ['y\n', 'true'],
    ['YES\n', 'true'],
    ['n\n', 'false'],
    ['\n', 'false'],
    ['', 'false'],
  ])('on a terminal the answer %j means %s', async (stdin, answer) => {
    const { out, err } = await ran(['work'], asking, { terminal: true, stdin });
    expect(out).toBe(`${answer}\n`);
    expect(err).toContain('Empty 3 tables? [y/N] ');
  });

  it('without a terminal needs --yes', async () => {
    const { code, err } = await ran(['work'], asking, { stdin: 'y\n' });
    expect(code).toBe(2);
    expect(err).toContain('CONFIRMATION_NEEDED');
    expect((await ran(['work', '-y'], asking)).out).toBe('true\n');
    expect((await ran(['work', '--yes'], asking)).out).toBe('true\n');
  });

  it('that is declined is an error like any other', async () => {
    const work: Command['run'] = async ({ confirm }) => {
      if (!(await confirm('Empty 3 tables?'))) throw declined();
      return fine;
    };
    const { code, out } = await ran(['work', '--json'], work, { terminal: true, stdin: 'n\n' });
    expect(code).toBe(2);
    expect(document(out)).toMatchObject({
      exit: 2,
      error: { code: 'CONFIRMATION_NEEDED', message: expect.stringContaining('nothing was touched') },
    });
    expect((await ran(['work', '--json'], work, { terminal: true, stdin: 'y\n' })).code).toBe(0);
  });

  it('can be broken off by a signal', async () => {
    const { signals, done } = start(
      ['work'],
      ({ confirm }) => {
        queueMicrotask(() => signals.emit('SIGINT'));
        return confirm('Empty 3 tables?').then(() => fine);
      },
      { terminal: true },
    );
    expect((await done).code).toBe(130);
  });
});

describe('options', () => {
  it.each([
    [['--json', '--plan', 'p.json', '-y', '--no-progress', 'work', '--phase', 'data']],
    [['--phase', 'data', '--json', 'work', '--plan=p.json', '--yes', '--no-progress']],
    [['work', '--phase=data', '--json', '--plan', 'p.json', '-y', '--no-progress']],
  ])('mean the same before the command and after it: %j', async (argv) => {
    let seen: Invocation | undefined;
    const { code, out } = await ran(argv, async (given) => {
      seen = given;
      return fine;
    });
    expect(code).toBe(0);
    expect(seen!.config).toMatchObject({ plan: 'p.json', yes: true, progress: false, phase: 'data' });
    expect(document(out)).toMatchObject({ command: 'work' });
  });

  it.each([
    [['--plan', 'work', 'other', '--json'], null, 'Unknown command other'],
    [['--plan', 'other', 'work', '--frob', '--json'], 'work', 'Unknown option --frob'],
    [['--plan', 'work', 'work', '--frob', '--json'], 'work', 'Unknown option --frob'],
    [['-x', 'work', '--json'], 'work', 'Unknown option -x'],
    [['--trunkate', 'work', '--json'], 'work', 'Unknown option --trunkate; did you mean --truncate?'],
    [['--plan', 'a', 'work', '--plan', 'b', '--json'], 'work', '--plan is given more than once'],
  ])('are told from the command: %j', async (argv, name, message) => {
    const { out, code } = await ran(argv, async () => fine);
    expect(code).toBe(2);
    expect(document(out)).toMatchObject({ command: name, error: { code: 'USAGE', message } });
  });

  it('are completed as they are typed', async () => {
    for (const typed of ['-', '--']) {
      const { out } = await ran(['--get-yargs-completions', 'migrate', 'work', typed], async () => fine);
      const offered = out.trimEnd().split('\n');
      expect(offered).toEqual(
        expect.arrayContaining(['--yes', '-y', '--progress', '--no-progress', '--phase', '--source']),
      );
      expect(offered).not.toContain('--y');
      expect(new Set(offered).size).toBe(offered.length);
    }
  });
});

describe('help', () => {
  it('names what stands for a value, and each choice once', async () => {
    for (const argv of [['help'], ['help', 'work'], ['--json', 'help', 'work'], ['--help', 'work']]) {
      const { out, code } = await ran(argv, async () => fine);
      expect(code).toBe(0);
      expect(out).toContain('--source URL ');
      expect(out).toContain('-y, --yes ');
      expect(out).not.toContain('[string]');
      expect(out.match(/"debug"/g)).toHaveLength(1);
      expect(out.includes('--phase PHASE ')).toBe(argv.includes('work'));
    }
  });

  it('shows options, choices and examples of a command', async () => {
    for (const argv of [
      ['help', 'work'],
      ['work', '--help'],
    ]) {
      const { code, out, err } = await ran(argv, async () => fine);
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out).toContain('--truncate');
      expect(out).toContain('before-data');
      expect(out).toContain('Examples:\n  migrate work  Works');
    }
  });

  it('lists the commands', async () => {
    for (const argv of [['help'], ['--help'], ['help', 'help']])
      expect((await ran(argv, async () => fine)).out).toMatch(/migrate work +Works/);
  });

  it('does not know what does not exist', async () => {
    expect(await ran(['help', 'nothing'], async () => fine)).toMatchObject({ code: 2, out: '' });
  });

  it('prints version and completion', async () => {
    expect((await ran(['--version'], async () => fine)).out).toBe('9.9.9\n');
    expect((await ran(['completion'], async () => fine)).out).toContain('_migrate_yargs_completions');
  });
});

describe('progress', () => {
  const working: Command['run'] = async ({ context: { progress, log } }) => {
    progress.start('copy', [{ label: 'orders', totalRows: 2, totalBytes: 0 }]);
    progress.advance('orders', { rows: 2 });
    log.warn('look here');
    progress.finish('orders');
    return fine;
  };

  it('goes to stderr as bars on a terminal, as lines without one, and not at all when unwanted', async () => {
    const bars = await ran(['work'], working, { terminal: true });
    expect(bars.err).toMatch(/orders +█/);
    expect(bars.err).toContain('look here');
    expect(bars.out).toBe('all well\n');
    const lines = await ran(['work'], working);
    expect(lines.err).toMatch(/WARN: look here\ncopy: 1 of 1 table, 2 rows in 0 ms\n$/);
    expect((await ran(['work', '--no-progress'], working)).err).toMatch(/^\[.*WARN: look here\n$/);
  });

  it('is JSON among JSON log lines, even on a terminal', async () => {
    const { err } = await ran(['work', '--log-format', 'json'], working, { terminal: true });
    const lines = err
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map((line) => line.msg)).toEqual(['look here', 'copy: 1 of 1 table, 2 rows in 0 ms']);
    expect(lines[1]).toMatchObject({ phase: 'copy', rows: 2 });
  });

  it.each([
    ['an unknown option', ['work', '--log-format', 'json', '--frob'], 2, 'USAGE'],
    ['a bad configuration', ['work', '--log-format=json', '--jobs', 'x'], 2, 'CONFIG_INVALID'],
    ['a failure', ['work', '--log-format', 'json', '--log-level', 'error'], 3, 'CONNECTION_LOST'],
  ])('leaves nothing but JSON lines on stderr after %s', async (_what, argv, exit, code) => {
    const { err } = await ran(argv, async () => {
      throw new MigrateError('CONNECTION_LOST', { message: 'Lost postgresql://u:hunter2@h/d' });
    });
    const lines = err.trim().split('\n');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      level: 'error',
      runId: expect.stringMatching(/^[0-9a-f]{8}$/),
      msg: expect.stringMatching(/^migrate work: /),
      exit,
      error: { code, hint: expect.any(String) },
    });
    expect(err).not.toContain('hunter2');
  });

  it('leaves nothing but JSON lines on stderr after a signal', async () => {
    const entered = latch();
    const { signals, done } = start(
      ['work', '--log-format', 'json', '--log-level', 'error'],
      async ({ context: { signal } }) => {
        const stopped = new Promise((resolve) => signal.addEventListener('abort', resolve));
        entered.resolve();
        await stopped;
        throw abortReason(signal);
      },
    );
    await entered.promise;
    signals.emit('SIGINT');
    const lines = (await done).err
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toMatchObject([
      { level: 'warn', msg: expect.stringContaining('Ctrl-C again to stop now') },
      { level: 'error', exit: 130, error: { code: 'CANCELLED' } },
    ]);
  });

  it('gives the cursor back before an error is told', async () => {
    const { err } = await ran(
      ['work'],
      async ({ context: { progress } }) => {
        progress.start('copy', [{ label: 'orders', totalRows: 2, totalBytes: 0 }]);
        throw new MigrateError('CONNECTION_LOST');
      },
      { terminal: true },
    );
    expect(err.indexOf('\u001b[?25h')).toBeGreaterThan(err.indexOf('\u001b[?25l'));
    expect(err.indexOf('CONNECTION_LOST')).toBeGreaterThan(err.indexOf('\u001b[?25h'));
  });
});
