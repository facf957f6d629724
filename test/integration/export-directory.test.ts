import { join } from 'node:path';
import { expect, test } from 'vitest';
import { exportDump } from '../../src/export/export.js';
import { noopContext } from '../../src/observe/noop.js';
import { freshMove } from '../support/interruptible.js';
import { expectRefusal } from '../support/refusal.js';

test('a second export into a directory is refused while the first one writes, and the first one goes on', async () => {
  const move = await freshMove({ plain: true });
  const sides = await move.open();
  try {
    const { plan, tables } = await move.plan();
    let writing!: () => void;
    const begun = new Promise<void>((resolve) => {
      writing = resolve;
    });
    let goOn!: () => void;
    const released = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const out = join(move.cwd, 'dump');
    const first = exportDump(
      {
        reader: sides.source,
        plan,
        tables,
        direction: 'forward',
        out,
        compression: 'none',
        chunkBytes: 65_536,
        jobs: 1,
      },
      noopContext({
        fail: () => {
          writing();
          return released;
        },
      }),
    );
    await begun;
    await expectRefusal(
      move.line('export --out dump'),
      { cwd: move.cwd, unchanged: [move.cwd] },
      { code: 'RUN_LOCKED', exit: 3, says: ['dump', 'migrate intest', 'process', 'another directory'] },
    );
    // Another directory is nobody's concern, and once the first one has ended the lock is gone with its session.
    expect(await move.finish('export --out other')).toMatchObject({ exit: 0 });
    goOn();
    expect((await first).tables).toHaveLength(tables.length);
  } finally {
    await sides.close();
  }
  await expectRefusal(
    move.line('export --out dump'),
    { cwd: move.cwd, unchanged: [move.cwd], oneByOne: true },
    { code: 'DUMP_EXISTS', exit: 2, says: ['finished'] },
  );
});
