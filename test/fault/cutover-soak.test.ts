import { writeSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeCitus } from '../support/databases.js';
import { FaultBench } from '../support/fault-bench.js';
import { FAULTS, runFault } from '../support/fault-case.js';
import { allCases, goOn, stallCases } from '../support/fault-journey.js';

/** The whole matrix, of which cutover.test.ts has a part: `npm run soak:moves`. */
const ALL = process.env.MIGRATE_TEST_ALL === '1';
const SEED = Number(process.env.MIGRATE_TEST_SEED ?? 1);
const CHOSEN: readonly string[] = process.env.MIGRATE_TEST_FAULTS?.split(',') ?? FAULTS;
const HOURS_MS = 3_600_000;

const tell = (line: object): void => void writeSync(1, `${JSON.stringify(line)}\n`);

describeCitus('every step of a move with every fault', () => {
  let bench: FaultBench;
  beforeAll(async () => {
    if (ALL) bench = await FaultBench.open();
  });
  afterAll(() => bench?.close());

  test.runIf(ALL)(
    'one side takes each write, and the same command goes on',
    { timeout: 3 * HOURS_MS },
    async () => {
      const failures: string[] = [];
      const faults = FAULTS.filter((fault) => CHOSEN.includes(fault));
      const cases = [...allCases(SEED, faults), ...(CHOSEN.includes('stalled') ? stallCases(1000) : [])];
      for (const one of cases) {
        const startedAt = Date.now();
        try {
          const result = await runFault(bench, one);
          tell({ ...one, ...result, ms: Date.now() - startedAt });
        } catch (error) {
          const said = error as Error & { actual?: unknown };
          tell({ ...one, failed: said.message, actual: said.actual });
          failures.push(`${one.number} ${one.fault} ${one.point}: ${said.message}`);
          await goOn(bench, one);
        }
      }
      expect({ cases: cases.length, failures }).toEqual({ cases: cases.length, failures: [] });
    },
  );
});
