import type { Database } from '../../citus/database.js';
import { formatCount } from '../../core/format.js';
import type { Plan } from '../../core/plan-types.js';
import { requireWritable } from '../../load/admission.js';
import { wants } from '../../load/run.js';
import { applyDdl, ddlFor } from '../../load/schema.js';
import type { Statement } from '../../plan/statement.js';
import type { Command, Invocation, Outcome } from '../frame/command.js';
import { withDatabases } from '../support/databases.js';
import { loadPlan, loadPlanForReturn } from '../support/plan.js';

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

async function create(invocation: Invocation, plan: Plan, writer: Database): Promise<Outcome> {
  const { config, context } = invocation;
  await requireWritable(writer, plan.tables);
  const { created, existing } = await applyDdl(
    writer,
    chosen(invocation, plan, writer),
    config.jobs,
    context,
  );
  const next = config.reverse ? 'migrate copy --reverse' : 'migrate export --out DIR, or migrate copy';
  return {
    exit: 0,
    document: { created, existing },
    text: `Created ${formatCount(created.length)} objects; ${formatCount(existing.length)} were there already.\nNext: ${next}`,
  };
}

/** The SQL, and nothing touched: a target that is not named is taken for a cluster. */
async function print(invocation: Invocation): Promise<Outcome> {
  const { config } = invocation;
  const text = async (plan: Plan, writer: Pick<Database, 'kind'>): Promise<Outcome> => {
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
  options: ['schemaPhase', 'print', 'reverse'],
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
