import { execFileSync } from 'node:child_process';
import { findLocalPostgres } from '../../src/demo/servers/index.js';

/**
 * The whole schema of a database as pg_dump prints it, in an order of its own; undefined where the machine has no
 * pg_dump. Nothing is left out unless `except` (options of pg_dump) says so.
 */
export function schemaDump(url: string, ...except: readonly string[]): string | undefined {
  const install = findLocalPostgres();
  if (install === undefined) return undefined;
  const text = execFileSync(`${install.binDir}/pg_dump`, ['--schema-only', ...except, url], {
    encoding: 'utf8',
  });
  // A random token of every run (\restrict), and the order of statements that do not depend on each other.
  const statements = text.replace(/^\\(un)?restrict .*$/gm, '').split(/\n\n+--\n-- /);
  return statements
    .map((statement) => statement.trim())
    .sort()
    .join('\n\n');
}
