import { OPTIONS, type OptionName, type OptionSpec } from '../../config/options.js';
import type { Invocation } from '../frame/command.js';

/** What the next command must be told again: which plan, which tables, which way. URLs are not repeated. */
const CARRIED = ['config', 'plan', 'tables', 'exclude', 'reverse'] as const satisfies OptionName[];

/** A word as a POSIX shell reads it back. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** A command line that goes on with what this one was given. `over` wins over what was typed. */
export function nextCommand(
  { flags }: Pick<Invocation, 'flags'>,
  line: string,
  over: Invocation['flags'] = {},
): string {
  const given: Invocation['flags'] = { ...flags, ...over };
  const words = CARRIED.flatMap((name) => {
    const { flag, kind }: OptionSpec = OPTIONS[name];
    const value = given[name];
    if (value === undefined || value === false) return [];
    return kind === 'flag' ? [`--${flag}`] : [`--${flag} ${shellWord([value].flat().map(String).join(','))}`];
  });
  return ['migrate', line, ...words].join(' ');
}

/**
 * What follows a phase of `command` (`copy`, `import --from DIR`): the next phase, and `verify` after the last one.
 * Rows are compared only where rows were loaded.
 */
export function afterPhase(
  invocation: Pick<Invocation, 'flags' | 'config'>,
  command: string,
  over: Invocation['flags'] = {},
): string {
  const { phase } = invocation.config;
  if (phase === 'before-data') return nextCommand(invocation, `${command} --phase data`, over);
  if (phase === 'data') return nextCommand(invocation, `${command} --phase after-data`, over);
  return nextCommand(invocation, 'verify', over);
}
