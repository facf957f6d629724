import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfigFile } from '../../config/file.js';
import { resolveConfig } from '../../config/resolve.js';
import { formatDuration, plural } from '../../core/format.js';
import { applyFixture, fixturePath } from '../../demo/fixtures.js';
import { closeServers, withSession } from '../../demo/servers/index.js';
import { startSides } from '../../demo/sides.js';
import type { Command, Invocation, Outcome } from '../frame/command.js';
import { exportCommand } from './export.js';
import { importCommand } from './import.js';
import { plan } from './plan.js';
import { verify } from './verify.js';

interface Step {
  readonly command: string;
  readonly exit: number;
  readonly durationMs: number;
}

/** The command lines that the demo runs, as a person would type them in this order. */
const STEPS = [
  { command: plan, flags: {}, shown: 'migrate plan' },
  { command: exportCommand, flags: { out: 'dump' }, shown: 'migrate export --out dump' },
  { command: importCommand, flags: { from: 'dump' }, shown: 'migrate import --from dump' },
  { command: verify, flags: {}, shown: 'migrate verify' },
] as const;

/** What a step is given: the demo's own invocation, pointed at the throw-away databases and a folder of its own. */
function invocationFor(
  invocation: Invocation,
  flags: Readonly<Record<string, string>>,
  urls: { source: string; target: string },
  folder: string,
): Invocation {
  const paths = Object.fromEntries(Object.entries(flags).map(([name, path]) => [name, join(folder, path)]));
  const file = readConfigFile(fixturePath('memory-mesh', 'migrate.config.yaml'), folder);
  const config = resolveConfig({
    flags: { ...urls, plan: join(folder, 'migrate.plan.json'), ...paths },
    env: {},
    ...(file === undefined ? {} : { file }),
  });
  return { ...invocation, config: { ...config, jobs: invocation.config.jobs }, env: {} };
}

async function runSteps(
  invocation: Invocation,
  urls: { source: string; target: string },
  folder: string,
): Promise<{ steps: Step[]; parts: string[] }> {
  const { clock, log } = invocation.context;
  const steps: Step[] = [];
  const parts: string[] = [];
  for (const { command, flags, shown } of STEPS) {
    log.info(shown);
    const startedAt = clock.now();
    const { exit, text } = await command.run(invocationFor(invocation, flags, urls, folder));
    const durationMs = clock.now() - startedAt;
    steps.push({ command: shown, exit, durationMs });
    parts.push(
      `$ ${shown}\n${text.replaceAll(`${folder}/`, '').trimEnd()}\n[exit code ${exit}, ${formatDuration(durationMs)}]`,
    );
    if (exit !== 0) break;
  }
  return { steps, parts };
}

async function runDemo(invocation: Invocation, folder: string): Promise<Outcome> {
  const { config, context } = invocation;
  const { log, signal } = context;
  log.info('Starting throw-away servers');
  const sides = await startSides(signal);
  log.info(sides.description);
  log.info(`Creating the memory-mesh schema with ${plural(config.rows, 'row')} of memory_entries`);
  await withSession(sides.urls.source, (session) =>
    applyFixture(session, 'memory-mesh', { rows: config.rows, seed: 1, signal }),
  );
  const { steps, parts } = await runSteps(invocation, sides.urls, folder);
  const exit = steps.at(-1)!.exit;
  if (config.keep) await kept(invocation, sides.urls);
  const closing =
    exit === 0
      ? 'The demo is done: every row arrived and was compared. Servers and files are removed.'
      : 'The demo did not end well; see above. Servers and files are removed.';
  return {
    exit,
    document: { servers: sides.description, steps },
    text: [sides.description, ...parts, closing].join('\n\n'),
  };
}

/** Leaves the servers running until the command is stopped. */
async function kept({ context }: Invocation, urls: { source: string; target: string }): Promise<void> {
  context.log.info(`Source: ${urls.source}`);
  context.log.info(`Target: ${urls.target}`);
  context.log.info('The servers run until you press Ctrl-C');
  await new Promise((resolve) => {
    // A signal listener alone does not keep the process alive.
    const alive = setInterval(() => {}, 60_000);
    context.signal.addEventListener('abort', () => resolve(clearInterval(alive)), { once: true });
  });
}

export const demo: Command = {
  name: 'demo',
  summary: 'Show the whole path on throw-away databases',
  options: ['rows', 'keep'],
  examples: [
    ['migrate demo', 'Create, plan, export, import and verify 20,000 rows, then clean up'],
    ['migrate demo --rows 200000 --keep', 'More rows; leave the servers running to look around'],
  ],
  async run(invocation) {
    const folder = await mkdtemp(join(tmpdir(), 'citus-migrate-demo-'));
    try {
      return await runDemo(invocation, folder);
    } finally {
      await closeServers();
      await rm(folder, { recursive: true, force: true });
    }
  },
};
