import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['./test/support/global-setup.ts'],
    // Two files at a time, each with servers of its own (global-setup.ts). An external cluster there is only one of.
    fileParallelism: process.env.TEST_TARGET_URL === undefined,
    maxWorkers: 2,
    pool: 'forks',
    testTimeout: 120_000,
    hookTimeout: 180_000,
    reporters: ['default', './test/support/closing-line.ts'],
  },
});
