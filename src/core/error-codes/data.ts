import { type ErrorEntry, entry } from './entry.js';

/** The plan, and the dump directory. */
export const PLAN_AND_DUMP_ERRORS = {
  PLAN_BLOCKED: entry(
    'plan',
    1,
    'The plan has blocking findings.',
    'Resolve the listed findings; `migrate plan` shows the remedies.',
  ),
  PLAN_UNREADABLE: entry('plan', 2, 'The plan file cannot be read.', 'Make it anew with `migrate plan`.'),
  PLAN_EXISTS: entry(
    'plan',
    2,
    'The plan file holds what the new plan would not.',
    'Write the new plan elsewhere with --plan, or move the file away; nothing was overwritten.',
  ),
  PLAN_STALE: entry(
    'plan',
    2,
    'The plan no longer fits the source.',
    'Run `migrate plan` again and review what changed.',
  ),
  PLAN_DIFFERS: entry(
    'plan',
    2,
    'This dump or run was made with another plan.',
    'Use the plan it was made with, or start over.',
  ),
  TABLE_UNKNOWN: entry(
    'plan',
    2,
    'A table is named that does not exist.',
    'Check --tables, --exclude and the configuration.',
  ),
  DISTRIBUTION_NULL: entry(
    'plan',
    1,
    'Rows have no value in the distribution column.',
    'Give them one, or choose another placement for the table.',
  ),

  DUMP_EXISTS: entry(
    'dump',
    2,
    'The output directory holds something else.',
    'Name an empty directory, or the one to continue.',
  ),
  OUT_UNUSABLE: entry(
    'dump',
    2,
    'The output directory cannot be made.',
    'Name a new directory in one that exists.',
  ),
  DUMP_NOT_FOUND: entry(
    'dump',
    2,
    'There is no finished dump in the directory.',
    'Check --from; run `migrate export` until it ends with exit code 0.',
  ),
  DUMP_NEWER: entry(
    'dump',
    2,
    'The dump was written by a newer version of migrate.',
    'Use that version or a newer one.',
  ),
  DUMP_DAMAGED: entry(
    'dump',
    3,
    'A file of the dump is damaged.',
    'Export into another directory, then import that with --truncate: chunks already loaded belong to the damaged dump. Nothing of the damaged chunk was loaded.',
  ),
  DUMP_CODEC_MISSING: entry(
    'dump',
    2,
    'This Node.js cannot read the compression of the dump.',
    'Use Node.js 22.15 or newer, or export with --compress gzip.',
  ),
  LOCAL_DISK_FULL: entry(
    'dump',
    3,
    'The local disk is full.',
    'Free space; then repeat the command: finished chunks are kept.',
  ),
  LOCAL_IO: entry(
    'dump',
    3,
    'A local file cannot be read or written.',
    'Check the path and its permissions; then repeat the command.',
  ),
} as const satisfies Record<string, ErrorEntry>;
