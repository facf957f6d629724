import type { Command } from '../frame/command.js';
import { checklist } from './checklist.js';
import { compareQueries } from './compare-queries.js';
import { copy } from './copy.js';
import { cutover } from './cutover.js';
import { demo } from './demo.js';
import { exportCommand } from './export.js';
import { finish } from './finish.js';
import { importCommand } from './import.js';
import { plan } from './plan.js';
import { rollback } from './rollback.js';
import { schema } from './schema.js';
import { shim } from './shim.js';
import { status } from './status.js';
import { sync } from './sync.js';
import { verify } from './verify.js';

/** Every command, in the order of the work. */
export const COMMANDS: readonly Command[] = [
  plan,
  schema,
  exportCommand,
  importCommand,
  shim,
  copy,
  sync,
  verify,
  compareQueries,
  checklist,
  status,
  cutover,
  rollback,
  finish,
  demo,
];
