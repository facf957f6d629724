const MASK = '***';

/**
 * A value that must not be seen: it prints as `***` in String(), template literals, JSON and util.inspect, and is
 * read only through reveal(), so that every place that uses it can be found by that word.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return MASK;
  }
}

/** `scheme://user:password@`: up to the last @ of the word, for a password that holds one itself. */
const URL_PASSWORD = /([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*:)\S*@/gi;
const KEY_VALUE =
  /((?:password|passwd|passphrase|pwd|secret|token)["']?\s*=\s*)('(?:[^'\\]|\\.)*'|"[^"]*"|[^\s&,;]+)/gi;

/** The same text with whatever looks like a password in a URL or in a connection string masked. */
export function redactText(text: string): string {
  return text.replace(URL_PASSWORD, `$1${MASK}@`).replace(KEY_VALUE, `$1${MASK}`);
}

const SECRET_KEY = /password|passwd|passphrase|secret|token/i;

/**
 * A copy of a value that may be printed: Secrets and fields with telling names are masked, texts redacted, bigints
 * become decimal strings, errors become {name, message, code}. Cycles and depths past 8 are cut.
 */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Secret) return MASK;
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return value.toISOString();
  if (depth > 8) return '…';
  if (value instanceof Error) {
    const code = (value as { code?: unknown }).code;
    return {
      name: value.name,
      message: redactText(value.message),
      ...(typeof code === 'string' ? { code } : {}),
      ...(value.cause === undefined ? {} : { cause: redact(value.cause, depth + 1) }),
    };
  }
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  if (Array.isArray(value)) return value.map((item) => redact(item, depth + 1));
  if (value instanceof Map) return redact(Object.fromEntries(value), depth);
  if (value instanceof Set) return redact([...value], depth);
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      SECRET_KEY.test(key) && item !== undefined && item !== null ? MASK : redact(item, depth + 1),
    ]),
  );
}
