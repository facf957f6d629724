import type { Database } from '../../citus/database.js';
import { MigrateError } from '../../core/errors.js';
import { formatCount, plural } from '../../core/format.js';
import { childSignal } from '../../core/parallel.js';
import type { Plan } from '../../core/plan-types.js';
import { RunLock } from '../../ledger/run-lock.js';
import { requireWritable } from '../../load/admission.js';
import { requireTables } from '../../load/preflight.js';
import { wants } from '../../load/run.js';
import { applyDdl, ddlFor } from '../../load/schema.js';
import type { Statement } from '../../plan/statement.js';
import type { Command, Invocation, Outcome } from '../frame/command.js';
import { withDatabases } from '../support/databases.js';
import { indexOptions, placeOf } from '../support/load-outcome.js';
import { nextCommand } from '../support/next.js';
import { note } from '../support/note.js';
import { chooseTables, loadPlan, loadPlanForReturn, movedTables } from '../support/plan.js';

/** Statements as a script that psql runs from the top to the bottom. */
function script(statements: readonly Statement[]): string {
  return statements.map(({ about, sql }) => `-- ${about}\n${sql.replace(/;\s*$/, '')};\n`).join('\n');
}

function chosen({ config }: Invocation, plan: Plan, writer: Pick<Database, 'kind'>): Statement[] {
  const ddl = ddlFor(plan, config.reverse ? 'reverse' : 'forward', writer);
  return [
    ...(wants(config.phase, 'before-data') ? ddl.beforeData : []),
    ...(wants(config.phase, 'after-data') ? ddl.afterData : []),
  ];
}

/** A part of the schema would lack what its views, functions and foreign keys lead to. */
function refusePart(plan: Plan, { include, exclude }: Invocation['config']): void {
  const left = movedTables(plan).length - chooseTables(plan, { include, exclude }).length;
  if (left === 0) return;
  throw new MigrateError('USAGE', {
    message: `--tables, --exclude and their keys in the configuration leave out ${plural(left, 'table')} of the plan, but the schema is made as a whole`,
    hint: 'For a part of the database make a plan of that part: `migrate plan` with the same --tables or --exclude, and --plan for its file.',
  });
}

/** Rows, unless the last phase was made alone: then they are there, and what is left is what follows the indexes. */
function nextOf(invocation: Invocation): string {
  const line = (text: string): string => nextCommand(invocation, text);
  if (invocation.config.phase === 'after-data') {
    const copied = line('copy --phase after-data');
    const imported = line('import --from DIR --phase after-data');
    return `${copied}, or ${imported} (sequences and statistics); then ${line('verify')}`;
  }
  return invocation.config.reverse ? line('copy') : `${line('export --out DIR')}, or ${line('copy')}`;
}

async function create(invocation: Invocation, plan: Plan, writer: Database): Promise<Outcome> {
  const { config, context } = invocation;
  refusePart(plan, config);
  // An import or copy makes the same objects, and another run of this command would, too.
  const lock = await RunLock.take(writer, { log: context.log });
  const { signal, abort } = childSignal(context.signal);
  lock.watch(abort);
  const { created, existing } = await (async () => {
    try {
      await requireWritable(writer, plan.tables);
      if (config.phase === 'after-data')
        await requireTables(writer, plan.tables, config.reverse ? 'reverse' : 'forward');
      const options = { jobs: config.jobs, mayRetry: () => lock.held, ...indexOptions(config) };
      return await applyDdl(writer, chosen(invocation, plan, writer), options, { ...context, signal });
    } finally {
      await lock.close();
    }
  })();
  if (!config.reverse) await note(invocation, [writer], { phase: 'prepared' }, { make: true });
  return {
    exit: 0,
    document: { created, existing },
    text: `Created ${plural(created.length, 'object')} on ${placeOf(config.reverse ? 'reverse' : 'forward')}; ${existing.length === 1 ? '1 was' : `${formatCount(existing.length)} were`} there already.\nNext: ${nextOf(invocation)}`,
  };
}

/** The SQL, and nothing touched: a target that is not named is taken for a cluster. */
async function print(invocation: Invocation): Promise<Outcome> {
  const { config } = invocation;
  const text = async (plan: Plan, writer: Pick<Database, 'kind'>): Promise<Outcome> => {
    refusePart(plan, config);
    const statements = chosen(invocation, plan, writer);
    return {
      exit: 0,
      document: { statements: statements.map(({ about, sql }) => ({ about, sql })) },
      text: script(statements),
    };
  };
  if (config.reverse) return text(await loadPlanForReturn(invocation), { kind: 'single' });
  if (config.target !== undefined) {
    return withDatabases(invocation, { source: 'read', target: 'read' }, async (sides) =>
      text(await loadPlan(invocation, sides), sides.target),
    );
  }
  return withDatabases(invocation, { source: 'read' }, async (sides) =>
    text(await loadPlan(invocation, sides), { kind: 'citus' }),
  );
}

export const schema: Command = {
  name: 'schema',
  summary: 'Create the planned tables on the target',
  options: ['schemaPhase', 'print', 'indexMemory', 'reverse'],
  examples: [
    ['migrate schema --print', 'Read the SQL before anything is touched'],
    ['migrate schema --phase before-data', 'Tables alone, without indexes and constraints'],
    ['migrate schema --reverse --print', 'The original schema, for the way back to a single node'],
  ],
  run(invocation) {
    if (invocation.config.print) return print(invocation);
    if (invocation.config.reverse) {
      return withDatabases(invocation, { source: 'write' }, async ({ source }) =>
        create(invocation, await loadPlanForReturn(invocation), source),
      );
    }
    return withDatabases(invocation, { source: 'read', target: 'write' }, async (sides) =>
      create(invocation, await loadPlan(invocation, sides), sides.target),
    );
  },
};
