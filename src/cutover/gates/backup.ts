import { stat } from 'node:fs/promises';
import { formatBytes, formatDuration } from '../../core/format.js';
import { sql } from '../../postgres/sql-files.js';
import { type Finding, fails, type GateCheck, holds, unknown } from './gate.js';

export interface BackupFacts {
  readonly now: number;
  /** Of the named file; null: it is not there. */
  readonly file?: {
    readonly path: string;
    readonly found: { readonly bytes: number; readonly at: number } | null;
  };
  readonly restorePoint?: {
    readonly name: string;
    readonly archives: boolean;
    readonly failing: boolean;
  };
}

export function assessBackup({ now, file, restorePoint }: BackupFacts, maxAge: number): Finding {
  if (file !== undefined) {
    const { path, found } = file;
    if (found === null || found.bytes === 0)
      return fails(
        `the backup's file ${path} ${found === null ? 'is not there' : 'is empty'}`,
        'Make a backup of the source, and name a file that it leaves (gates.backupFile).',
      );
    const age = formatDuration(Math.max(0, now - found.at));
    return now - found.at > maxAge
      ? fails(
          `the backup's file ${path} is ${age} old, and may be ${formatDuration(maxAge)}`,
          'Make a fresh backup of the source.',
        )
      : holds(`${path}, ${formatBytes(found.bytes)}, ${age} old`);
  }
  if (restorePoint !== undefined) {
    const { name, archives, failing } = restorePoint;
    if (!archives || failing)
      return fails(
        `restore point ${name} leads nowhere: the log of the source is ${archives ? 'not archived at the moment (pg_stat_archiver)' : 'not archived (archive_mode)'}`,
        'Mend the archiving, make the restore point again; or name a file of another backup (gates.backupFile).',
      );
    return holds(`restore point ${name}, by the operator's word; the log of the source is archived`);
  }
  return unknown(
    'no backup is named',
    'Make one, and name it in the configuration: gates.backupFile, or gates.restorePoint (SELECT pg_create_restore_point(…)).',
  );
}

export const backup: GateCheck = {
  gate: 'backup',
  title: 'there is a fresh backup',
  // Whoever goes back is not kept waiting for a backup.
  directions: ['forward'],
  async check(request, { clock }) {
    const { backupFile, restorePoint, backupAge } = request.limits;
    const now = clock.now();
    if (backupFile !== undefined) {
      const found = await stat(backupFile).catch(() => null);
      const at = found === null ? null : { bytes: found.size, at: found.mtimeMs };
      return assessBackup({ now, file: { path: backupFile, found: at } }, backupAge);
    }
    if (restorePoint === undefined) return assessBackup({ now }, backupAge);
    const state = await request.source.session.one<{ archives: boolean; failing: boolean }>(
      sql('cutover/archiver'),
      'look at the archiving of the log',
    );
    return assessBackup({ now, restorePoint: { name: restorePoint, ...state } }, backupAge);
  },
};
