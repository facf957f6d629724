import { createInterface } from 'node:readline/promises';
import { MigrateError } from '../../core/errors.js';

export interface ConfirmOptions {
  readonly yes: boolean;
  readonly isTerminal: boolean;
  readonly input: NodeJS.ReadableStream;
  /** Not stdout: that is for the result alone. */
  readonly output: NodeJS.WritableStream;
  readonly signal: AbortSignal;
}

/** What a command ends with that cannot do without a yes. */
export const declined = (): MigrateError =>
  new MigrateError('CONFIRMATION_NEEDED', {
    message: 'The question was not answered with yes; nothing was touched',
  });

/** See Invocation.confirm. Only `y` and `yes` are a yes; the end of input is a no. */
export function createConfirm(options: ConfirmOptions): (question: string) => Promise<boolean> {
  return async (question) => {
    if (options.yes) return true;
    if (!options.isTerminal)
      throw new MigrateError('CONFIRMATION_NEEDED', {
        message: `There is no terminal to ask on: ${question}`,
      });
    // Not as a terminal: readline would swallow Ctrl-C there.
    const lines = createInterface({ input: options.input, output: options.output, terminal: false });
    try {
      const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
      const answer = await Promise.race([
        lines.question(`${question} [y/N] `, { signal: options.signal }),
        ended,
      ]);
      return /^y(es)?$/i.test(answer.trim());
    } finally {
      lines.close();
    }
  };
}
