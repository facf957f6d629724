import { randomBytes } from 'node:crypto';
import { readConfigFile } from '../../config/file.js';
import { resolveConfig } from '../../config/resolve.js';
import type { Clock, Log } from '../../core/context.js';
import { MigrateError } from '../../core/errors.js';
import { createLog } from '../../observe/log.js';
import type { ProgressStream } from '../../observe/progress.js';
import type { Command, Outcome } from './command.js';
import { createConfirm } from './confirm.js';
import { resultDocument, toJson } from './document.js';
import { failureLog, failureText, toFailure, withAdvice } from './failure.js';
import { type Observation, openObservation } from './observation.js';
import { commandNamed, type Parsed, parseCommandLine } from './parse.js';
import { listenForStop, type SignalSource } from './signals.js';
import { textStyle } from './table.js';

type LastResort = 'uncaughtException' | 'unhandledRejection' | 'exit';

/** The part of `process` that the frame uses. */
export interface FrameProcess extends SignalSource {
  on(event: 'SIGINT' | 'SIGTERM' | LastResort, listener: (...args: unknown[]) => void): unknown;
  removeListener(event: 'SIGINT' | 'SIGTERM' | LastResort, listener: (...args: unknown[]) => void): unknown;
  exit(code: number): void;
}

export interface FrameOptions {
  /** The command line behind `migrate`. */
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly stdin: NodeJS.ReadableStream & { isTTY?: boolean };
  readonly stdout: ProgressStream;
  readonly stderr: ProgressStream;
  readonly process: FrameProcess;
  readonly clock: Clock;
  readonly commands: readonly Command[];
  readonly version: string;
}

/** True before anything is parsed: an error in the command line must come as a document too. */
function asksForJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end < 0 ? argv : argv.slice(0, end)).some((part) => part === '--json' || part === '--json=true');
}

/** Likewise: stderr holds JSON lines alone, whatever goes wrong. */
function asksForJsonLog(argv: readonly string[]): boolean {
  return argv.some(
    (part, index) => part === '--log-format=json' || (part === '--log-format' && argv[index + 1] === 'json'),
  );
}

/** Resolves when the text is handed over. A reader that went away (EPIPE) is its own affair, not an error. */
function write(stream: NodeJS.WritableStream, text: string): Promise<Error | undefined> {
  return new Promise((resolve) => {
    if (text === '') resolve(undefined);
    else
      stream.write(text, (error) =>
        resolve(error && (error as NodeJS.ErrnoException).code !== 'EPIPE' ? error : undefined),
      );
  });
}

interface Kept {
  readonly document: Readonly<Record<string, unknown>>;
  readonly failure?: MigrateError;
}

/** One run of the program: the only place that writes to stdout, and that at most once. */
class Run {
  readonly #options: FrameOptions;
  readonly #runId = randomBytes(4).toString('hex');
  readonly #startedAt: number;
  #json: boolean;
  #logsJson: boolean;
  #debug = false;
  readonly #advice: string[] = [];
  #command: string | undefined;
  #observation: Observation | undefined;
  #settled = false;

  constructor(options: FrameOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
    this.#json = asksForJson(options.argv);
    this.#logsJson = asksForJsonLog(options.argv);
    this.#command = commandNamed(options.argv, options.commands);
  }

  /** The exit code. Never rejects. */
  async execute(): Promise<number> {
    const { process, stdout, stderr } = this.#options;
    const ignore = (): void => {};
    // Errors of the two streams arrive at the callbacks of write; without a listener they would end the process.
    stdout.on('error', ignore);
    stderr.on('error', ignore);
    const crash = (error: unknown): void => this.#leave(toFailure(bug(error), new AbortController().signal));
    const emptied = (): void => {
      // The event also comes when the program leaves by itself.
      if (this.#settled) return;
      this.#leave(new MigrateError('INTERNAL', { message: 'The program ran out of work before its end' }));
    };
    const stop = listenForStop(
      process,
      (text) =>
        (this.#observation ?? { write: (said: string) => stderr.write(said) }).write(
          this.#logsJson ? this.#logLine((log) => log.warn(text)) : `${text}\n`,
        ),
      (reason) => this.#leave(reason),
    );
    process.on('uncaughtException', crash);
    process.on('unhandledRejection', crash);
    process.on('exit', emptied);
    try {
      return await this.#attempt(stop.signal);
    } finally {
      stop.dispose();
      process.removeListener('uncaughtException', crash);
      process.removeListener('unhandledRejection', crash);
      process.removeListener('exit', emptied);
    }
  }

  async #attempt(signal: AbortSignal): Promise<number> {
    try {
      const { argv, commands, version, stderr } = this.#options;
      const parsed = await parseCommandLine(argv, commands, { version, columns: stderr.columns ?? 80 });
      if (parsed.kind === 'text') {
        this.#settled = true;
        await write(this.#options.stdout, `${parsed.text.trimEnd()}\n`);
        return 0;
      }
      this.#command = parsed.command.name;
      const outcome = await this.#invoke(parsed, signal);
      const kept = await this.#keep(outcome, signal);
      await this.#observation?.close();
      return await this.#finish(outcome, kept);
    } catch (error) {
      // Bars are cleared away before the error is told.
      await this.#observation?.close().catch(() => {});
      return await this.#fail(toFailure(error, signal));
    }
  }

  async #invoke(parsed: Extract<Parsed, { kind: 'run' }>, signal: AbortSignal): Promise<Outcome> {
    const { argv, env, cwd, stdin, stdout, stderr, clock } = this.#options;
    const named = parsed.flags.config ?? (env.MIGRATE_CONFIG || undefined);
    const file = readConfigFile(named as string | undefined, cwd);
    const config = resolveConfig({ flags: parsed.flags, env, ...(file === undefined ? {} : { file }) });
    this.#json = config.json;
    this.#logsJson = config.log.format === 'json';
    this.#debug = config.log.level === 'debug';
    const runId = this.#runId;
    this.#observation = await openObservation(config, { stderr, env, clock, signal, runId });
    const { context } = this.#observation;
    context.log.debug('Starting', {
      command: parsed.command.name,
      runId,
      version: this.#options.version,
      config,
    });
    const isTerminal = stdin.isTTY === true && stderr.isTTY === true;
    return await parsed.command.run({
      config,
      context,
      runId,
      version: this.#options.version,
      argv,
      flags: parsed.flags,
      env,
      ...(parsed.positional === undefined ? {} : { positional: parsed.positional }),
      confirm: createConfirm({ yes: config.yes, isTerminal, input: stdin, output: stderr, signal }),
      advise: (hint) => void this.#advice.push(hint),
      isTerminal,
      style: textStyle(stdout, env),
    });
  }

  #document(result: Parameters<typeof resultDocument>[1]): Record<string, unknown> {
    const { clock } = this.#options;
    const base = { command: this.#command, runId: this.#runId, startedAt: this.#startedAt };
    return resultDocument({ ...base, finishedAt: clock.now() }, result);
  }

  /** The document as scripts read it, and what went wrong where the command wanted it written elsewhere too. */
  async #keep(outcome: Outcome, signal: AbortSignal): Promise<Kept> {
    const document = JSON.parse(toJson(this.#document(outcome))) as Record<string, unknown>;
    try {
      await outcome.keep?.(document);
      return { document };
    } catch (error) {
      const failure = toFailure(error, signal);
      return {
        document: { ...this.#document({ exit: failure.exit, failure }), ...document, exit: failure.exit },
        failure,
      };
    }
  }

  async #finish(outcome: Outcome, { document, failure: unkept }: Kept): Promise<number> {
    this.#settled = true;
    const text = outcome.text === '' ? '' : `${outcome.text.replace(/\n+$/, '')}\n`;
    const trouble = await write(this.#options.stdout, this.#json ? `${toJson(document)}\n` : text);
    if (trouble === undefined && unkept === undefined) return outcome.exit;
    // The work is done, but its answer is not where it was asked for.
    const failure = unkept ?? toFailure(trouble, new AbortController().signal);
    if (trouble === undefined && this.#json) return failure.exit;
    await this.#tell(failure);
    return failure.exit;
  }

  async #fail(error: MigrateError): Promise<number> {
    const { exit } = error;
    const failure = withAdvice(error, this.#advice);
    this.#settled = true;
    const { stdout } = this.#options;
    if (this.#json) await write(stdout, `${toJson(this.#document({ exit, failure }))}\n`);
    if (!this.#json || exit === 70) await this.#tell(failure);
    return exit;
  }

  /** The failure on stderr, for people or for programs. */
  async #tell(failure: MigrateError): Promise<void> {
    const { message, fields } = failureLog(failure, this.#command, this.#debug);
    await write(
      this.#options.stderr,
      this.#logsJson
        ? this.#logLine((log) => log.error(message, fields))
        : failureText(failure, this.#command, this.#debug),
    );
  }

  /** A line that is written whatever --log-level leaves out. */
  #logLine(say: (log: Log) => void): string {
    let line = '';
    const stream = {
      write: (text: string) => {
        line += text;
      },
    };
    say(createLog({ level: 'info', format: 'json', stream, base: { runId: this.#runId } }));
    return line;
  }

  /** The end without a clean point. Called again, or when the result is already written, it only leaves. */
  #leave(failure: MigrateError): void {
    const { process } = this.#options;
    // Bars hide the cursor; it must not stay hidden.
    this.#observation?.context.progress.stop();
    if (this.#settled) process.exit(failure.exit);
    else void this.#fail(failure).then((code) => process.exit(code));
  }
}

/** What nobody foresaw is a bug, whatever it is. */
function bug(error: unknown): MigrateError {
  const message =
    error instanceof Error ? `${error.name}: ${error.message}` : 'Something that is no error was thrown';
  return new MigrateError('INTERNAL', { message, cause: error });
}

/** Runs one command line from parsing to the result on stdout; returns the exit code. */
export function runFrame(options: FrameOptions): Promise<number> {
  return new Run(options).execute();
}
