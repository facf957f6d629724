import { writeFile } from 'node:fs/promises';
import type { Config } from '../../config/config.js';
import { MigrateError } from '../../core/errors.js';
import { formatCount, plural } from '../../core/format.js';
import { planRepairs } from '../../verify/repair.js';
import { applyRepair, type RefusedStep } from '../../verify/repair-apply.js';
import { repairFile } from '../../verify/repair-file.js';
import type { VerifyResult } from '../../verify/types.js';
import { type VerifyRequest, verify } from '../../verify/verify.js';
import type { Invocation } from '../frame/command.js';

/** What became of the discrepancies: the verdict after it, and what the result document and the text say of it. */
export interface Repaired {
  readonly result: VerifyResult;
  readonly repaired?: { readonly document: Record<string, unknown>; readonly text: string };
}

/** Throws USAGE for combinations of --repair that cannot be meant. */
export function refuseRepair({ reverse, verify: { repair, mode } }: Config): void {
  if (repair === undefined) return;
  if (reverse)
    throw new MigrateError('USAGE', {
      message: '--repair mends the cluster; with --reverse that is the side to be compared with',
      hint: 'Leave one of them out.',
    });
  if (mode === 'counts')
    throw new MigrateError('USAGE', {
      message: '--repair needs to know which rows differ, and --mode counts does not look',
      hint: 'Use --mode digest (the default) or --mode rows.',
    });
}

function refusals(refused: readonly RefusedStep[]): string[] {
  const lines = refused.slice(0, 20).map(({ table, key, action, reason }) => {
    const name = key === null ? '' : ` ${JSON.stringify(key)}`;
    return `  ${table}${name}: not repaired (${action}), ${reason}`;
  });
  return [
    ...lines,
    ...(refused.length > 20 ? [`  … and ${refused.length - 20} more (--json lists all)`] : []),
  ];
}

/** Carries out what --repair asks for: writes the statements, or runs them and compares those tables again. */
export async function repairAfter(
  { config, context, confirm }: Invocation,
  request: VerifyRequest,
  found: VerifyResult,
): Promise<Repaired> {
  const { repair, repairFile: file } = config.verify;
  if (repair === undefined) return { result: found };
  const { target, plan } = request;
  const { superuser: silent } = target.facts;
  const { repairs, refused } = await planRepairs(plan, found.tables, target, silent);
  const rows = repairs.reduce((sum, { steps }) => sum + steps.length, 0);
  const more = found.tables.some(({ countComplete }) => !countComplete)
    ? ['Not all differing rows were listed: repeat with a higher --max-discrepancies.']
    : [];
  if (repair === 'plan' || rows === 0) {
    if (repair === 'plan') {
      await writeText(
        file,
        repairFile(repairs, { head: target.head, citus: target.kind === 'citus', silent }),
      );
    }
    const said =
      repair === 'plan'
        ? `The statements for ${plural(rows, 'row')} are in ${file}; nothing was changed. Next: read them, then run \`migrate verify --repair apply\`, or the file with psql on the coordinator.`
        : 'There is nothing to repair.';
    return {
      result: found,
      repaired: {
        document: { action: repair, ...(repair === 'plan' ? { file } : { applied: 0 }), rows, refused },
        text: [said, ...refusals(refused), ...more].join('\n'),
      },
    };
  }
  const tables = repairs.map(({ details }) => details.table);
  const named = tables.map(({ table }) => table).join(', ');
  if (!(await confirm(`Change up to ${plural(rows, 'row')} on the target (${named})?`))) {
    return {
      result: found,
      repaired: { document: { action: repair, applied: 0, rows, refused }, text: 'Nothing was changed.' },
    };
  }
  const done = await applyRepair(target, repairs, context);
  const left = [...refused, ...done.refused];
  context.log.info(`Repaired ${plural(done.applied, 'row')}; comparing again`);
  // All of them: what other tables refer to may be there now. What has not changed is not measured again.
  const result = await verify({ ...request, measurements: request.measurements!.again() }, context);
  return {
    result,
    repaired: {
      document: { action: repair, rows, applied: done.applied, refused: left },
      text: [
        `Repaired ${formatCount(done.applied)} of ${plural(rows, 'row')}; the verdict is the one after it.`,
        ...refusals(left),
        ...more,
      ].join('\n'),
    },
  };
}

async function writeText(file: string, text: string): Promise<void> {
  try {
    // Values of rows are in it.
    await writeFile(file, text, { mode: 0o600 });
  } catch (cause) {
    throw new MigrateError('LOCAL_IO', { message: `The repair file ${file} cannot be written.`, cause });
  }
}
