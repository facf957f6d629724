import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { isMap, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { MigrateError } from '../core/errors.js';
import { redactText } from '../core/secret.js';
import { FILE_SCHEMA, type FileConfig, knownKeys } from './file-schema.js';
import { suggest } from './suggest.js';

export const DEFAULT_CONFIG_FILE = 'migrate.config.yaml';

export interface ConfigFile {
  readonly path: string;
  readonly text: string;
}

/** The named file, which must exist, or the default one when it does. Throws CONFIG_INVALID. */
export function readConfigFile(named: string | undefined, cwd: string): ConfigFile | undefined {
  const path = named ?? DEFAULT_CONFIG_FILE;
  const full = resolve(cwd, path);
  if (named === undefined && !existsSync(full)) return undefined;
  try {
    return { path, text: readFileSync(full, 'utf8') };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new MigrateError('CONFIG_INVALID', {
      message: `The configuration file ${path} ${code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`}`,
      hint: 'Check --config and MIGRATE_CONFIG.',
      cause: error,
    });
  }
}

/** Joined as people read it: `tables.orders.via`; a step that holds a dot is quoted. */
function keyPath(path: readonly PropertyKey[]): string {
  return path
    .map((step) =>
      typeof step === 'number'
        ? `[${step}]`
        : `.${/^[\w-]+$/.test(String(step)) ? String(step) : JSON.stringify(step)}`,
    )
    .join('')
    .replace(/^\./, '');
}

/** What a file holds, and every problem as `key (file:line:column): what is wrong`; one of the two. */
export interface ParsedFile<T> {
  readonly content: Partial<T>;
  readonly problems: string[];
}

/** Reads the text of a configuration file. */
export const parseConfigFile = (file: ConfigFile): ParsedFile<FileConfig> =>
  parseYamlFile<FileConfig>(file, FILE_SCHEMA);

/** Reads YAML that has to fit a schema whose objects are strict. */
export function parseYamlFile<T>(file: ConfigFile, schema: z.ZodType<T>): ParsedFile<T> {
  const lines = new LineCounter();
  const document = parseDocument(file.text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file.path}:${line}:${col}`;
  };
  if (document.errors.length > 0) {
    const problems = document.errors.map((error) => `${at(error.pos[0])}: ${redactText(error.message)}`);
    return { content: {}, problems };
  }
  /** Where the key at the path stands, or the nearest thing around it. */
  const offsetOf = (path: readonly PropertyKey[]): number => {
    for (let length = path.length; length > 0; length -= 1) {
      const parent = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
      const step = path[length - 1];
      const pair = isMap(parent) && parent.items.find((item) => String(item.key) === String(step));
      const node = pair ? pair.key : document.getIn(path.slice(0, length), true);
      const range = (node as { range?: readonly number[] } | undefined)?.range;
      if (range !== undefined) return range[0]!;
    }
    return 0;
  };
  let value: unknown;
  try {
    value = document.toJS() ?? {};
  } catch (error) {
    // Aliases are followed only here: an unknown one, or one that unfolds without end.
    return { content: {}, problems: [`${file.path}: ${redactText((error as Error).message)}`] };
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return { content: parsed.data, problems: [] };
  const problems = parsed.error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => {
        const path = [...issue.path, key];
        const meant = suggest(key, knownKeys(issue.path, schema));
        const tail = meant === undefined ? '' : `; did you mean "${meant}"?`;
        return { path, text: `unknown key${tail}` };
      });
    }
    const text = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
    return [{ path: issue.path, text }];
  });
  return {
    content: {},
    problems: problems
      .map((problem) => ({ ...problem, offset: offsetOf(problem.path) }))
      .sort((a, b) => a.offset - b.offset)
      .map(({ path, offset, text }) =>
        path.length === 0 ? `${file.path}: ${text}` : `${keyPath(path)} (${at(offset)}): ${text}`,
      ),
  };
}
