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
    await Promise.all(left.close.splice(0).map((work) => work()));
    // One by one: a database is dropped when its last sessions have ended, for which PostgreSQL waits five seconds.
    for (const work of left.remove.splice(0).reverse()) await work();
  });
}
