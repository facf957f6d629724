import yargs, { type Argv, type Options } from 'yargs';
import { EVERYWHERE, OPTIONS, type OptionName, type OptionSpec } from '../../config/options.js';
import { suggest } from '../../config/suggest.js';
import { MigrateError } from '../../core/errors.js';
import { redactText } from '../../core/secret.js';
import { COMPLETING, commandFirst, positionalsOf } from './argv.js';
import type { Command } from './command.js';

export type Parsed =
  /** Help, the version or shell completion: to be printed as it is. */
  | { readonly kind: 'text'; readonly text: string }
  | {
      readonly kind: 'run';
      readonly command: Command;
      readonly flags: Readonly<Partial<Record<OptionName, unknown>>>;
      readonly positional?: string;
    };

const EVERYWHERE_GROUP = 'Options everywhere:';
const EPILOGUE = `Exit codes: 0 done; 1 done, and the answer is no; 2 wrong usage or
configuration; 3 could not finish, the same command continues;
4 inconclusive; 70 a bug; 130 and 143 stopped by a signal at a clean point,
the same command continues.`;

interface About {
  readonly version: string;
  /** Width of the help. */
  readonly columns: number;
}

const optionsOf = (command: Command): OptionName[] => [...command.options, ...EVERYWHERE];

/**
 * For reading a command line; for what yargs says to it by itself, such as completions; or for showing help: then a
 * value's placeholder stands where its type would. yargs lays out the help of every command line that it reads, so a
 * reader is given nothing to show: 60 ms less.
 */
type Purpose = 'read' | 'answer' | 'show';

function shownOption(spec: OptionSpec): Options {
  return {
    description: spec.shownDefault ? `${spec.describe} [default: ${spec.shownDefault}]` : spec.describe,
    ...(spec.everywhere ? { group: EVERYWHERE_GROUP } : { group: 'Options:' }),
    ...namedOption(spec),
  };
}

function namedOption({ alias, choices }: OptionSpec): Options {
  return {
    ...(alias === undefined ? {} : { alias }),
    ...(choices === undefined ? {} : { choices }),
  };
}

function declare(parser: Argv, names: readonly OptionName[], purpose: Purpose): void {
  for (const name of names) {
    const spec: OptionSpec = OPTIONS[name];
    const { flag, placeholder } = spec;
    if (purpose === 'read') parser.option(flag, { ...readOption(spec), hidden: true });
    else if (purpose === 'answer') parser.option(flag, { ...shownOption(spec), ...readOption(spec) });
    else parser.option(placeholder === undefined ? flag : `${flag} ${placeholder}`, shownOption(spec));
  }
}

function readOption(spec: OptionSpec): Options {
  return {
    ...namedOption(spec),
    // Numbers stay text here: the configuration says what is wrong with one, in its own words.
    ...(spec.kind === 'flag'
      ? { type: 'boolean' as const }
      : { type: 'string' as const, requiresArg: spec.optional !== true }),
  };
}

function withCommand(parser: Argv, command: Command, purpose: Purpose): Argv {
  const name =
    command.positional === undefined ? command.name : `${command.name} <${command.positional.name}>`;
  return parser.command(name, command.summary, (inner) => {
    inner.usage(`migrate ${name} [options]\n\n${command.summary}`);
    if (command.positional !== undefined) {
      const { describe, choices } = command.positional;
      inner.positional(command.positional.name, { type: 'string', describe, choices });
    }
    declare(inner, command.options, purpose);
    if (purpose === 'read') return inner;
    for (const [line, text] of command.examples) inner.example(line, text);
    return inner.epilogue(EPILOGUE);
  });
}

function parser(commands: readonly Command[], { version, columns }: About, purpose: Purpose): Argv {
  const base = yargs([], process.cwd())
    .scriptName('migrate')
    .usage(
      'migrate COMMAND [options]\n\nMoves a single-node PostgreSQL database into Citus and proves that it arrived.',
    )
    // Messages and help are part of the contract with scripts and reviews.
    .locale('en')
    .exitProcess(false)
    .showHelpOnFail(false)
    .parserConfiguration({
      'camel-case-expansion': false,
      'dot-notation': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
    })
    .strictOptions()
    .strictCommands()
    .demandCommand(1, 'No command is given')
    .wrap(purpose === 'read' ? null : Math.min(100, columns))
    .help('help')
    .alias('help', 'h')
    .version(version)
    .group(['help', 'version'], EVERYWHERE_GROUP)
    .epilogue(`\`migrate help COMMAND\` shows its options and examples.\n\n${EPILOGUE}`);
  // Every command inherits them.
  declare(base, EVERYWHERE, purpose);
  const all = commands.reduce((each, command) => withCommand(each, command, purpose), base);
  return all
    .command('help [topic]', 'Show the options and examples of a command')
    .completion('completion', 'Print a completion script for bash or zsh');
}

/** yargs' complaint in the words of this program; never with a value that may be a connection string. */
function usageError(
  message: string,
  argv: readonly string[],
  command: Command | undefined,
  names: readonly string[],
): MigrateError {
  const unknown = /^Unknown (arguments?|commands?): (.*)$/s.exec(message);
  const choice = /Argument: ([\w-]+), Given: .*?, Choices: (.*)/s.exec(message);
  const hint = command === undefined ? 'See `migrate help`.' : `See \`migrate help ${command.name}\`.`;
  let said = redactText(message);
  if (message.startsWith('Not enough arguments following: '))
    said = `--${message.split(': ')[1]} needs a value`;
  else if (message.startsWith('Not enough non-option arguments'))
    said = `One of ${command?.positional?.choices.join(', ')} must follow`;
  else if (choice !== null) said = `--${choice[1]}: expected one of ${choice[2]!.replaceAll('"', '')}`;
  else if (unknown !== null) {
    const given = unknown[2]!.split(', ')[0]!;
    const option = argv
      .map((part) => part.split('=')[0]!)
      .find((part) => part.startsWith('-') && part.replace(/^--?(no-)?/, '') === given);
    const isOption = option !== undefined;
    const taken = command === undefined ? EVERYWHERE : optionsOf(command);
    const known = isOption ? taken.map((name) => OPTIONS[name].flag) : names;
    const meant = suggest(given, known);
    const tail = meant === undefined ? '' : `; did you mean ${isOption ? '--' : ''}${meant}?`;
    if (isOption) said = `Unknown option ${redactText(option)}${tail}`;
    else if (command === undefined) said = `Unknown command ${redactText(given)}${tail}`;
    else said = `There is no argument ${redactText(given)} here`;
  }
  return new MigrateError('USAGE', { message: said, hint });
}

/** `help COMMAND` means `COMMAND --help`. */
function withoutHelpCommand(argv: readonly string[]): readonly string[] {
  if (argv[0] !== 'help') return argv;
  const topic = argv[positionalsOf(argv)[1] ?? -1];
  return topic === undefined || topic === 'help' ? ['--help'] : [topic, '--help'];
}

/** What yargs offers, but `-y` with one dash as it is typed, and the flag that turns the progress off. */
function completions(text: string): string {
  return text
    .split('\n')
    .map((line) => line.replace(/^--(\w)(?=[:\t]|$)/, '-$1'))
    .flatMap((line) => (/^--progress(?![\w-])/.test(line) ? [line, line.replace('--', '--no-')] : [line]))
    .join('\n');
}

function flagsOf(
  command: Command,
  values: Readonly<Record<string, unknown>>,
): Partial<Record<OptionName, unknown>> {
  const flags: Partial<Record<OptionName, unknown>> = {};
  for (const name of optionsOf(command)) {
    const { flag, kind } = OPTIONS[name];
    const value = values[flag];
    if (value === undefined) continue;
    if (Array.isArray(value) && kind !== 'list' && kind !== 'texts')
      throw new MigrateError('USAGE', {
        message: `--${flag} is given more than once`,
        hint: 'Give it once; --tables, --exclude, --report and --throttle may be repeated.',
      });
    flags[name] = value;
  }
  for (const name of command.required ?? []) {
    const { flag, placeholder } = OPTIONS[name] as OptionSpec;
    if (flags[name] === undefined)
      throw new MigrateError('USAGE', {
        message: `--${flag} ${placeholder ?? 'VALUE'} is missing`,
        hint: `See \`migrate help ${command.name}\`.`,
      });
  }
  return flags;
}

/** The command that a command line is about, also when the line has an error. */
export function commandNamed(argv: readonly string[], commands: readonly Command[]): string | undefined {
  const [first] = positionalsOf(argv);
  return commands.find(({ name }) => first !== undefined && name === argv[first])?.name;
}

interface Evaluated {
  readonly values: Awaited<ReturnType<Argv['parse']>>;
  /** What yargs would have printed. */
  readonly output: string;
  readonly failure: Error | undefined;
}

async function evaluate(reader: Argv, argv: readonly string[]): Promise<Evaluated> {
  let output = '';
  let failure: Error | undefined;
  const values = await reader.parse([...argv], {}, (error, _values, text) => {
    failure = error ?? undefined;
    output = text;
  });
  return { values, output, failure };
}

/** Reads a command line. Throws USAGE. */
export async function parseCommandLine(
  given: readonly string[],
  commands: readonly Command[],
  about: About,
): Promise<Parsed> {
  const typed = commandFirst(given);
  const argv = withoutHelpCommand(typed);
  const names = [...commands.map((command) => command.name), 'help', 'completion'];
  const asked = async (purpose: Purpose): Promise<Evaluated> =>
    evaluate(parser(commands, about, purpose), argv);
  if (argv.includes(COMPLETING)) return { kind: 'text', text: completions((await asked('answer')).output) };
  const { values, output, failure } = await asked('read');
  const [first, ...positionals] = values._.map(String);
  const command = commands.find((one) => one.name === first);
  if (failure !== undefined) throw usageError(failure.message, argv, command, names);
  // Help for an unknown topic would be the general help, as if nothing were wrong.
  if (typed[0] === 'help' && argv[0] !== '--help' && command === undefined && argv[0] !== 'completion')
    throw usageError(`Unknown command: ${argv[0]}`, argv, undefined, names);
  if (values.help === true) {
    const shown = command === undefined ? ['--help'] : [command.name, '--help'];
    return { kind: 'text', text: (await evaluate(parser(commands, about, 'show'), shown)).output };
  }
  if (output !== '') return { kind: 'text', text: (await asked('answer')).output };
  if (command === undefined || positionals.length > 0)
    throw usageError(`Unknown command: ${positionals[0] ?? ''}`, argv, command, names);
  const flags = flagsOf(command, values);
  const positional = command.positional === undefined ? undefined : String(values[command.positional.name]);
  return { kind: 'run', command, flags, ...(positional === undefined ? {} : { positional }) };
}
