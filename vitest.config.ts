import { defineConfig } from 'vitest/config';
import { LongFirst } from './test/support/sequencer.js';

export default defineConfig({
  test: {
    // Two files at a time, each with servers of its own (global-setup.ts). An external cluster there is only one of.
    fileParallelism: process.env.TEST_TARGET_URL === undefined,
    maxWorkers: 2,
    sequence: { sequencer: LongFirst },
    pool: 'forks',
    testTimeout: 120_000,
    hookTimeout: 180_000,
    reporters: ['default', './test/support/closing-line.ts'],
    projects: [
      {
        extends: true,
        test: {
          name: 'servers',
          include: ['test/{integration,fault,e2e}/**/*.test.ts'],
          setupFiles: ['./test/support/setup.ts'],
          globalSetup: ['./test/support/global-setup.ts'],
          // The built program is loaded as it is.
          server: { deps: { external: [/\/dist\/program\//] } },
        },
      },
      {
        extends: true,
        test: {
          name: 'pure',
          include: ['test/{unit,property}/**/*.test.ts'],
          // Most of the time of these files went into loading the same modules again.
          isolate: false,
        },
      },
    ],
  },
});
