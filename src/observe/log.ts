import { pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import type { Log, LogFields } from '../core/context.js';
import { redact, redactText } from '../core/secret.js';

/** Where text goes; writing is synchronous for files, terminals and pipes, so that nothing is lost at exit. */
export interface TextSink {
  write(text: string): unknown;
}

export interface LogOptions {
  level: 'debug' | 'info' | 'warn' | 'error';
  format: 'text' | 'json';
  stream: TextSink;
  colors?: boolean;
  /** Fields of every line, e.g. the run's id. In text they would only be noise. */
  base?: LogFields;
}

/**
 * Lines for people (`12:00:00.123 INFO: message {"table":"orders"}`) or for programs (one JSON object per line with
 * level, time, msg and the fields). Secrets and whatever looks like a password are masked in both.
 */
export function createLog(options: LogOptions): Log {
  const pretty = prettyFactory({
    colorize: options.colors ?? false,
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
    ignore: 'pid,hostname',
  });
  const sink: TextSink =
    options.format === 'json' ? options.stream : { write: (line) => options.stream.write(pretty(line)) };
  const logger = pino(
    {
      level: options.level,
      base: options.format === 'json' ? (redact(options.base ?? {}) as LogFields) : null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    sink as { write(text: string): void },
  );
  const at =
    (level: LogOptions['level']) =>
    (message: string, fields: LogFields = {}): void => {
      if (logger.isLevelEnabled(level)) logger[level](redact(fields) as LogFields, redactText(message));
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
