import { MigrateError } from '../../core/errors.js';
import type { Command } from '../frame/command.js';

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
  run: () => {
    throw new MigrateError('INTERNAL', { message: 'migrate plan cannot run in this build' });
  },
};
