import { afterAll } from 'vitest';

type Work = () => unknown;
/** Connections are closed before what they lead to is removed. */
const left = { close: [] as Work[], remove: [] as Work[] };

/** Leaves `work` to the end of the test file that runs now. */
export function atFileEnd(phase: keyof typeof left, work: Work): void {
  left[phase].push(work);
}

/** Called by setup.ts for each file, so that it holds whether modules are loaded anew for each or once for many. */
export function cleanUpAfterFile(): void {
  afterAll(async () => {
    const errors: unknown[] = [];
    for (const phase of ['close', 'remove'] as const) {
      const done = await Promise.allSettled(left[phase].splice(0).map(async (work) => work()));
      errors.push(...done.flatMap((result) => (result.status === 'rejected' ? [result.reason] : [])));
    }
    if (errors.length > 0) throw new AggregateError(errors, 'The clean-up after a test file failed');
  });
}
