import type { Config } from '../../config/config.js';
import type { OptionName } from '../../config/options.js';
import type { Context } from '../../core/context.js';

/** What a command is given: everything it needs, nothing global. */
export interface Invocation {
  readonly config: Config;
  readonly context: Context;
  /** Version of this program. */
  readonly version: string;
  /** Short random id of this run; also in the log and in the result document. */
  readonly runId: string;
  /** The command line behind `migrate`, as typed. */
  readonly argv: readonly string[];
  /** The options that were typed, by name; what else holds is in `config`. */
  readonly flags: Readonly<Partial<Record<OptionName, unknown>>>;
  /** The environment: PG* variables fill in what connection strings leave out. */
  readonly env: NodeJS.ProcessEnv;
  /** The value of the command's positional argument. */
  readonly positional?: string;
  /**
   * Asks before something is destroyed. With --yes: true. Without a terminal it throws CONFIRMATION_NEEDED. On false
   * the command ends without having touched anything: throw `declined`, unless there is something to report.
   */
  confirm(question: string): Promise<boolean>;
  /**
   * What to know besides before the command is repeated, from now on: added to the advice of a failure after which it
   * could be.
   */
  advise(hint: string): void;
  /** A person sits at stdin and stderr. */
  readonly isTerminal: boolean;
  /** How text for stdout may look. */
  readonly style: TextStyle;
}

export interface TextStyle {
  readonly colors: boolean;
  /** Width to fit tables into; absent: stdout is no terminal, nothing is cut. */
  readonly columns?: number;
}

/** What a command answers. The frame prints one of `document` (--json) and `text`. */
export interface Outcome {
  /** 0: done; 1: done, and the answer is no; 4: inconclusive. Everything else is thrown as a MigrateError. */
  readonly exit: number;
  /** The fields of the result document besides those that every document has. */
  readonly document: Record<string, unknown>;
  readonly text: string;
  /**
   * Writes the finished document elsewhere too. What it throws becomes the exit code and the document's error; the
   * result is printed all the same.
   */
  keep?(document: Readonly<Record<string, unknown>>): Promise<void>;
}

export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Its own options; those that every command takes are added. */
  readonly options: readonly OptionName[];
  /** Options without which it cannot start. */
  readonly required?: readonly OptionName[];
  readonly positional?: {
    readonly name: string;
    readonly describe: string;
    readonly choices: readonly string[];
  };
  /** Command line and what it is for. */
  readonly examples: readonly (readonly [command: string, text: string])[];
  run(invocation: Invocation): Promise<Outcome>;
}
