import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { MoveDirection } from '../../src/cutover/move.js';
import { failpointOf, STEPS, type StepName } from '../../src/cutover/steps.js';
import { Application, docsOf, ownersOfDocs } from '../support/acknowledged.js';
import {
  describeCitus,
  type FreshCluster,
  type FreshDatabase,
  freshCluster,
  freshSource,
} from '../support/databases.js';
import { install } from '../support/follow.js';
import { type Journey, load, prepare } from '../support/load.js';
import { runJson } from '../support/migrate.js';

const CHILD = fileURLToPath(new URL('../support/run-move.mjs', import.meta.url));
const NAMESPACES = Array.from({ length: 12 }, (_, n) => `ns${n}`);
/** Long enough for every step on a busy machine, and short enough to be waited for. */
const PAUSE_MS = 4000;

const SCHEMA = `
  CREATE TABLE doc (
    id bigserial PRIMARY KEY, namespace text NOT NULL, key text NOT NULL, note text, UNIQUE (namespace, key));
  INSERT INTO doc (namespace, key, note) SELECT 'ns' || g % 12, 'old-' || g, 'old' FROM generate_series(1, 120) g;
`;

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly said: string;
}

const behind = (direction: MoveDirection, name: StepName): string => {
  expect(STEPS.some((step) => step.name === name && step.directions.includes(direction))).toBe(true);
  return failpointOf(direction, { name });
};

describeCitus('a move of writes that is killed', () => {
  let source: FreshDatabase;
  let target: FreshCluster;
  let journey: Journey;
  let application: Application;
  let runs = 0;

  beforeAll(async () => {
    source = await freshSource();
    target = await freshCluster({ shardCount: 4 });
    await source.client.query(SCHEMA);
    journey = await prepare(source, target);
    await install(journey);
    await load(journey);
    application = await Application.open({ source: source.url, target: target.url }, 2, NAMESPACES);
    application.start();
  });
  afterAll(() => application?.stop());

  async function move(direction: MoveDirection, share: number, point?: string): Promise<Ended> {
    const marker = join(journey.folder, `move-${++runs}`);
    const task = {
      source: source.url,
      target: target.url,
      planFile: journey.planFile,
      runId: `move-${process.pid}-${runs}`,
      maxPauseMs: PAUSE_MS,
      ...{ direction, share, point, marker },
    };
    const child = spawn(process.execPath, [CHILD, JSON.stringify(task)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    child.stdout.on('data', (data) => (said += data));
    child.stderr.on('data', (data) => (said += data));
    const ended = await new Promise<Ended>((resolve) =>
      child.on('close', (code, signal) => resolve({ code, signal, said })),
    );
    expect(existsSync(marker)).toBe(point !== undefined);
    return ended;
  }

  const owners = () => ownersOfDocs({ source: source.client, target: target.client }, NAMESPACES);

  /** Kills at every point in turn; none of them may have moved anything, and the block of each runs out by itself. */
  async function killBefore(
    direction: MoveDirection,
    share: number,
    points: readonly string[],
  ): Promise<void> {
    const before = await owners();
    for (const point of points) {
      expect(await move(direction, share, point)).toMatchObject({ code: null, signal: 'SIGKILL', said: '' });
      const now = await owners();
      // Held up or as before, and never open on the side that was to get them.
      for (const name of NAMESPACES) expect([[], before[name]]).toContainEqual(now[name]);
    }
    const settled = async () => {
      // What a router does when it is refused: workers whose coordinator has not decided are let go.
      await target.client.query('SELECT citus_migrate.settle_owners()');
      return owners();
    };
    await expect.poll(settled, { timeout: 3 * PAUSE_MS, interval: 200 }).toEqual(before);
  }

  /** Kills behind the decision: nobody takes the writes on two sides, and the same command opens them. */
  async function killBehind(direction: MoveDirection, share: number, point: string): Promise<void> {
    const before = await owners();
    expect(await move(direction, share, point)).toMatchObject({ code: null, signal: 'SIGKILL', said: '' });
    const now = await owners();
    for (const [name, sides] of Object.entries(now)) expect([name, sides.length <= 1]).toEqual([name, true]);
    expect(now).not.toEqual(before);
    expect(await move(direction, share)).toMatchObject({ code: 0, signal: null });
    const after = await owners();
    for (const [name, sides] of Object.entries(after)) expect([name, sides.length]).toEqual([name, 1]);
    expect(after).not.toEqual(before);
  }

  test('changes nothing before its decision, is finished by the same command behind it, and loses no write', async () => {
    // Until there are guards, nothing keeps anybody from the target.
    await move('forward', 60, behind('forward', 'guards'));
    expect(await owners()).toEqual(Object.fromEntries(NAMESPACES.map((name) => [name, ['source']])));
    await killBefore('forward', 60, [behind('forward', 'last-pass'), 'owners: before the decision']);
    await killBehind('forward', 60, 'owners: after the decision');
    await killBehind('forward', 100, 'owners: before the coordinator takes');
    await killBefore('reverse', 0, [behind('reverse', 'last-pass'), 'owners: before the decision']);
    await killBehind('reverse', 0, behind('reverse', 'give'));
    await application.stop();
    const sides = ['--source', source.url, '--target', target.url, '--plan', journey.planFile];
    expect(await runJson(['sync', '--until-drained', ...sides], { cwd: journey.folder })).toMatchObject({
      exit: 0,
    });
    const wanted = [...application.acknowledged].sort();
    expect(wanted.length).toBeGreaterThan(20);
    expect([...(await docsOf(source.client))].sort()).toEqual(wanted);
    expect([...(await docsOf(target.client))].sort()).toEqual(wanted);
  });
});
