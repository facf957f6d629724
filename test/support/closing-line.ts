import type { Reporter, TestModule } from 'vitest/node';

/** Ends the run with one plain line of totals, which scripts can read whatever the terminal. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const totals = { passed: 0, failed: 0, skipped: 0 };
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const state = test.result().state;
        if (state !== 'pending') totals[state] += 1;
      }
      // A hook or the file itself failed: no test did, but the run has.
      const failed = [...module.children.allTests('failed')].length;
      if (module.state() === 'failed' && failed === 0) totals.failed += 1;
    }
    process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped\n`);
  }
}
