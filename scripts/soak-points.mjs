#!/usr/bin/env node
// Breaks a load at every failpoint with every command, also in those combinations that the suite leaves out because
// they pass the same code (test/fault/README.md).
//
//   npm run soak:points
import { spawnSync } from 'node:child_process';

const { status } = spawnSync('npx', ['vitest', 'run', 'test/fault', ...process.argv.slice(2)], {
  stdio: 'inherit',
  env: { ...process.env, MIGRATE_TEST_ALL: '1', MIGRATE_TEST_REQUIRE_CITUS: '1' },
});
process.exit(status ?? 1);
