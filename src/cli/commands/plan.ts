import type { Plan } from '../../core/plan-types.js';
import { buildPlan } from '../../plan/build.js';
import { refusePlanLoss, writePlan } from '../../plan/plan-file.js';
import { renderPlan } from '../../plan/render.js';
import type { PlanReport } from '../../plan/report.js';
import type { Command, Outcome } from '../frame/command.js';
import { type Needs, type Sides, withDatabases } from '../support/databases.js';
import { movedTables } from '../support/plan.js';

function document(plan: Plan, report: PlanReport): Record<string, unknown> {
  const measured = new Map(report.tables.map((table) => [table.table, table]));
  const findings = [...plan.findings, ...report.findings];
  const of = (table: string) => findings.filter((finding) => finding.table === table);
  return {
    tables: movedTables(plan).map(({ table, placement, key, format }) => {
      const { rows, bytes, ...rest } = measured.get(table)!;
      return {
        ...rest,
        table,
        placement,
        key,
        format,
        rows,
        bytes,
        findings: of(table).map(({ code }) => code),
      };
    }),
    findings,
    foreignKeys: plan.foreignKeys,
    connections: report.connections,
    planHash: plan.planHash,
  };
}

export const plan: Command = {
  name: 'plan',
  summary: 'Decide how every table is placed, report findings, and write the plan file',
  options: [],
  examples: [
    ['migrate plan --source postgresql://app@db1/app', 'Read the catalog and write migrate.plan.json'],
    [
      'migrate plan --target postgresql://app@citus/app',
      'Check against the cluster, too; the source comes from MIGRATE_SOURCE_URL',
    ],
    ['migrate plan --json', 'Tables, findings and the plan hash as one JSON document'],
  ],
  run(invocation): Promise<Outcome> {
    const { config, context } = invocation;
    const needs: Needs =
      config.target === undefined ? { source: 'read' } : { source: 'read', target: 'read' };
    return withDatabases(invocation, needs, async (sides: Partial<Sides>) => {
      const target = sides.target === undefined ? {} : { target: sides.target.session };
      const { plan: made, report } = await buildPlan({
        source: sides.source!.session,
        ...target,
        config,
        ...context,
      });
      await refusePlanLoss(config.plan, made);
      // A blocked plan is written, too: it is what has to be reviewed.
      await writePlan(config.plan, made);
      const blocked = [...made.findings, ...report.findings].some(
        (finding) => finding.severity === 'blocker',
      );
      return {
        exit: blocked ? 1 : 0,
        document: { ...document(made, report), plan: config.plan },
        text: renderPlan(made, report),
      };
    });
  },
};
