import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MigrateError } from '../../core/errors.js';
import { readManifest } from '../../export/manifest.js';
import { importDump } from '../../load/import.js';
import { readPlan } from '../../plan/plan-file.js';
import { executeInThreads } from '../../workers/pool.js';
import type { Command, Outcome } from '../frame/command.js';
import { withDatabases } from '../support/databases.js';
import {
  confirmTruncate,
  indexOptions,
  loadOutcome,
  quarantineOptions,
  truncateOptions,
} from '../support/load-outcome.js';
import { afterPhase, shellWord } from '../support/next.js';
import { loaded, note } from '../support/note.js';
import { budgetOptions, PACING, withPace } from '../support/pace.js';
import { chooseTables, keepPlan, refuseBlocked } from '../support/plan.js';

export const importCommand: Command = {
  name: 'import',
  summary: 'Load a dump into the target, then build indexes, constraints and sequences',
  options: [
    'from',
    'phase',
    'truncate',
    'via',
    'onBadRow',
    'maxBadRows',
    'quarantine',
    'indexMemory',
    ...PACING,
    'reverse',
  ],
  required: ['from'],
  examples: [
    ['migrate import --from dump', 'All phases; run it again to continue an interrupted import'],
    ['migrate import --from dump --phase data', 'Rows alone'],
    ['migrate import --from dump --truncate', 'Empty the target tables first; asks for confirmation'],
  ],
  async run(invocation): Promise<Outcome> {
    const { config, flags } = invocation;
    const directory = config.from!;
    const manifest = await readManifest(directory);
    const direction = config.reverse ? 'reverse' : 'forward';
    if (manifest.direction !== direction) {
      throw new MigrateError('PLAN_DIFFERS', {
        message: `The dump in ${directory} was made for the ${manifest.direction === 'reverse' ? 'way back to a single node' : 'way into the cluster'}`,
        hint: manifest.direction === 'reverse' ? 'Repeat with --reverse.' : 'Repeat without --reverse.',
      });
    }
    // A dump brings its plan along; a plan file beside it has to be the same one.
    const own = join(directory, 'plan.json');
    const beside = existsSync(config.plan);
    const plan = await readPlan(beside ? config.plan : own);
    if (plan.planHash !== manifest.planHash) {
      throw new MigrateError('PLAN_DIFFERS', {
        message: `The dump in ${directory} was made with another plan than ${config.plan}`,
        hint: `Use the dump's own plan (--plan ${own}), or export again.`,
      });
    }
    refuseBlocked(plan.findings);
    const inDump = {
      ...plan,
      tables: plan.tables.filter((table) => manifest.tables.some((each) => each.table === table.table)),
    };
    const tables = chooseTables(inDump, config);
    const into = config.reverse ? 'source' : 'target';
    return withDatabases(invocation, { [into]: 'write' } as Record<typeof into, 'write'>, async (sides) => {
      const writer = sides[into];
      await confirmTruncate(invocation, writer, plan, tables);
      const { phase, truncate, via } = config;
      const request = {
        writer,
        plan,
        tables,
        directory,
        manifest,
        phase,
        truncate,
        ...truncateOptions(invocation),
        ...budgetOptions(config),
        via,
        stallMs: config.stallSeconds * 1000,
        executor: executeInThreads,
        ...indexOptions(config),
        ...quarantineOptions(config),
      };
      const told = config.reverse ? [] : [writer];
      await note(invocation, told, { phase: 'copying' });
      return withPace(invocation, { writer }, async (paced, pauses) => {
        const result = await importDump(request, paced);
        await note(invocation, told, loaded('import', plan, phase, result));
        await keepPlan(invocation, plan);
        const next = afterPhase(invocation, `import --from ${shellWord(directory)}`, {
          plan: beside ? flags.plan : own,
        });
        return loadOutcome(result, pauses(), next, invocation);
      });
    });
  },
};
