import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { MoveDirection } from '../../src/cutover/move.js';
import { COMMON } from '../support/clients.js';
import { connectTo, describeCitus } from '../support/databases.js';
import { FaultBench, NAMESPACES, on, rowsOf } from '../support/fault-bench.js';
import { ALLOWANCE_MS, MAX_PAUSE_MS, runFault } from '../support/fault-case.js';
import { allCases, JOURNEY } from '../support/fault-journey.js';
import { completeMove, moveHere, pointsOf, runMove } from '../support/moves.js';

const SEED = Number(process.env.MIGRATE_TEST_SEED ?? 1);
/** Servers that stop and connections that are cut, of the matrix that `npm run soak:moves` goes through. */
const CASES = 2;

/** Behind this one writes belong to the other side. */
const DECISION = 'owners: after the decision';

describeCitus('a move of writes', () => {
  let bench: FaultBench;
  beforeAll(async () => {
    bench = await FaultBench.open();
  });
  // What failed in one test is not to be in the way of the next.
  afterEach(() => bench.quiet());
  afterAll(() => bench?.close());

  const sides = async (): Promise<Set<string>> => {
    const open = await bench.probe.sweep();
    return new Set(
      Object.values(open).map((list) => [...new Set(list.map((one) => one.split(' ')[0]))].join()),
    );
  };

  async function kill(direction: MoveDirection, to: number, point: string): Promise<void> {
    const killed = await runMove({
      ...bench.aim(false),
      direction,
      share: to,
      maxPauseMs: MAX_PAUSE_MS,
      point,
    });
    expect({ point, hit: killed.hit, signal: killed.signal }).toEqual({
      point,
      hit: true,
      signal: 'SIGKILL',
    });
  }

  /** Every third point; the others with the next seeds, some of them in the other direction. */
  const pointsNow = (direction: MoveDirection): { before: string[]; behind: string[] } => {
    // Passes have nothing to do now and then, and tests of their own.
    const points = pointsOf(direction).filter((point) => !point.startsWith('sync'));
    const turn = SEED + (direction === 'forward' ? 0 : 1);
    const chosen = (list: string[]): string[] => list.filter((_, index) => (index + turn) % 3 === 0);
    const decision = points.indexOf(DECISION);
    return { before: chosen(points.slice(0, decision)), behind: chosen(points.slice(decision)) };
  };

  test.each(['forward', 'reverse'] as const)(
    'killed behind a step, %s: one side takes each write, never two, and the same command goes on',
    { timeout: 300_000 },
    async (direction) => {
      const { clients, probe } = bench;
      const [from, to] =
        direction === 'forward' ? (['source', 'target'] as const) : (['target', 'source'] as const);
      const { before, behind } = pointsNow(direction);
      clients.helps = true;
      clients.start(direction);
      probe.start();
      for (const point of before) await kill(direction, direction === 'forward' ? 100 : 0, point);
      // What the last of them has left runs out, and everything is as it was.
      await clients.untilTaken(MAX_PAUSE_MS + 10_000);
      expect(clients.longestMs).toBeLessThan(MAX_PAUSE_MS + ALLOWANCE_MS);
      expect(clients.late(from)).toEqual([]);
      clients.helps = false;
      for (const [index, point] of behind.entries()) {
        const step = Math.round((100 * (index + 1)) / behind.length);
        const share = direction === 'forward' ? step : 100 - step;
        await kill(direction, share, point);
        await completeMove({ ...bench.aim(false), direction, share, maxPauseMs: MAX_PAUSE_MS });
      }
      clients.countFromNow();
      await clients.untilTaken(10_000);
      await clients.stop();
      await probe.stop();
      expect({ twice: probe.twice, late: clients.late(to) }).toEqual({ twice: [], late: [] });
      expect(await sides()).toEqual(new Set([to]));
      expect(await bench.expectKept(direction)).toBeGreaterThan(20);
    },
  );

  test('of named namespaces moves these alone, there and back', async () => {
    const { clients } = bench;
    const names = ['ns2', 'ns3'];
    clients.helps = true;
    clients.start('named');
    const owners = async (): Promise<Record<string, string[]>> => {
      const open = await bench.probe.sweep();
      return Object.fromEntries(
        Object.entries(open).map(([name, list]) => [
          name,
          [...new Set(list.map((one) => one.split(' ')[0]!))],
        ]),
      );
    };
    const all = Object.fromEntries([...NAMESPACES, COMMON].map((name) => [name, ['source']]));
    const move = (direction: MoveDirection) =>
      moveHere({ ...bench.aim(false), direction, namespaces: names, maxPauseMs: MAX_PAUSE_MS });
    expect(await move('forward')).toMatchObject({
      exit: 0,
      moved: true,
      units: 2,
      namespaces: names,
      phase: 'ramping',
    });
    await clients.untilTaken(10_000);
    expect(await owners()).toEqual({ ...all, ns2: ['target'], ns3: ['target'] });
    expect(await move('forward')).toMatchObject({ exit: 0, units: 0 });
    expect(await move('reverse')).toMatchObject({ exit: 0, moved: true, units: 2, phase: 'rolled-back' });
    await clients.untilTaken(10_000);
    expect(await owners()).toEqual(all);
    await clients.stop();
    expect(await bench.expectKept('named')).toBeGreaterThan(20);
  });

  test('rollback with nothing left to bring lets a worker go that was away behind a decision', async () => {
    const worker = await connectTo(bench.cluster.workers[1]!.url('app'));
    await worker.query(`UPDATE citus_migrate.ownership SET blocked_until = 'infinity' WHERE unit = 'b07'`);
    const held = async (): Promise<unknown> =>
      (await worker.query('SELECT unit FROM citus_migrate.ownership WHERE blocked_until IS NOT NULL')).rows;
    expect(await held()).toEqual([{ unit: 'b07' }]);
    const back = await moveHere({
      ...bench.aim(false),
      direction: 'reverse',
      share: 0,
      maxPauseMs: MAX_PAUSE_MS,
    });
    expect(back).toMatchObject({ exit: 0, moved: false });
    expect(await held()).toEqual([]);
  });

  const broken = allCases(SEED).filter(({ fault }) => fault !== 'kill');
  const chosen = Array.from({ length: CASES }, (_, index) => {
    // By turns there and back; each time another fault, and points from all over the move.
    const aim = JOURNEY[index % 2]!;
    const list = broken.filter(({ direction }) => direction === aim.direction);
    const { namespaces: _names, ...one } = list[(SEED * 17 + index * 29) % list.length]!;
    return { ...one, ...aim, number: 1000 + index };
  });
  test.each(chosen)('$direction, $point: $fault', async (one) => {
    await runFault(bench, one);
  });

  test('is seen to be wrong when it is: two owners, a write behind the move, a lost row and a doubled one', async () => {
    const { clients, probe } = bench;
    const own = async (side: 'source' | 'target', owner: string): Promise<void> => {
      const nodes = [bench.targetUrl, ...bench.cluster.workers.map((worker) => worker.url('app'))];
      for (const url of side === 'source' ? [bench.sourceUrl] : nodes)
        await on(url, `UPDATE citus_migrate.ownership SET owner = '${owner}'`);
    };
    await completeMove({ ...bench.aim(false), direction: 'forward', share: 100, maxPauseMs: MAX_PAUSE_MS });
    clients.helps = false;
    clients.start('wrong');
    await clients.untilTaken(10_000);
    await own('source', 'source');
    await probe.sweep();
    expect(new Set(probe.twice.map((one) => one.split(':')[0]))).toEqual(new Set([...NAMESPACES, COMMON]));
    expect(clients.late('target')).toEqual([]);
    await own('target', 'source');
    await clients.untilTaken(10_000);
    await clients.stop();
    expect(clients.late('target')).toHaveLength(NAMESPACES.length + 1);
    const [[name, [note]]] = [...(await rowsOf(bench.sourceUrl, 'wrong')).notes] as [[string, [string]]];
    expect(clients.misses(new Map([[name, [note, note]]]))).toContain(`${name} is there 2 times`);
    expect(clients.misses(new Map())).toContain(`${name} is absent, and has to be ${note}`);
    expect(clients.misses(new Map([['ns0/never', ['new']]]))).toContain('ns0/never was never written');
  });
});
