import { COMPLETING, positionalsOf } from '../frame/argv.js';
import type { Command } from '../frame/command.js';

type Load = () => Promise<Command>;

/** Each command by its name. */
export const LOADERS: ReadonlyMap<string, Load> = new Map<string, Load>([
  ['plan', async () => (await import('./plan.js')).plan],
  ['schema', async () => (await import('./schema.js')).schema],
  ['export', async () => (await import('./export.js')).exportCommand],
  ['import', async () => (await import('./import.js')).importCommand],
  ['shim', async () => (await import('./shim.js')).shim],
  ['copy', async () => (await import('./copy.js')).copy],
  ['sync', async () => (await import('./sync.js')).sync],
  ['verify', async () => (await import('./verify.js')).verify],
  ['compare-queries', async () => (await import('./compare-queries.js')).compareQueries],
  ['checklist', async () => (await import('./checklist.js')).checklist],
  ['status', async () => (await import('./status.js')).status],
  ['cutover', async () => (await import('./cutover.js')).cutover],
  ['rollback', async () => (await import('./rollback.js')).rollback],
  ['finish', async () => (await import('./finish.js')).finish],
  ['demo', async () => (await import('./demo.js')).demo],
]);

/**
 * The commands that a command line can mean: the one that it names, or all, where it names none, or one that does not
 * exist, or asks what could follow. Reading the code of all takes as long as Node.js itself needs to start.
 */
export async function commandsFor(argv: readonly string[]): Promise<readonly Command[]> {
  const [at] = argv.includes(COMPLETING) ? [] : positionalsOf(argv);
  const load = at === undefined ? undefined : LOADERS.get(argv[at]!);
  return load === undefined ? (await import('./index.js')).COMMANDS : [await load()];
}
