import { expect } from 'vitest';
import type { Server } from '../../src/demo/servers/index.js';
import { removeGuards } from '../../src/dualwrite/guards.js';
import { noopContext } from '../../src/observe/noop.js';
import type { FaultBench } from './fault-bench.js';
import { openSides } from './follow.js';
import { type Aim, completeMove, INSTALLS, runMove } from './moves.js';

export const FAULTS = [
  'kill',
  'source stopped',
  'coordinator stopped',
  'worker 1 stopped',
  'worker 2 stopped',
  'source cut',
  'cluster cut',
] as const;
/** Links that swallow what is sent over the connections that there are; each takes the time-outs of the command. */
export const STALLS = ['source stalled', 'cluster stalled'] as const;
export type Fault = (typeof FAULTS)[number] | (typeof STALLS)[number];

export interface FaultCase extends Aim {
  readonly number: number;
  readonly fault: Fault;
  /** A failpoint of the move. */
  readonly point: string;
  /** Whether clients bring to its end what a dead process has left, as docs/router.md asks them to. */
  readonly helps: boolean;
  /** Whether a stopped server is back before the command goes on. */
  readonly backFirst: boolean;
}

export interface FaultResult {
  /** Whether the command came to the point. */
  readonly hit: boolean;
  /** Exit code of the command that was broken; null: killed. */
  readonly code: number | null;
  /** What it said. */
  readonly error: { readonly code: string; readonly message: string; readonly hint: string } | undefined;
  /** How often it had to be repeated until it was done. */
  readonly attempts: number;
  /** Longest time for which nobody took the writes of some namespace while all servers were there, ms. */
  readonly longestMs: number;
}

/** Long enough for every step on a busy machine, and short enough to be waited for. */
export const MAX_PAUSE_MS = 4000;
/** What clients and a busy machine add to a pause before the next write is taken. */
export const ALLOWANCE_MS = 2000;
/** By then a write of every namespace is taken where nothing hinders it. */
const TAKEN_WITHIN_MS = 20_000;

/**
 * Breaks one move at one point, while clients write on both sides; repeats the command until it is done; looks at every
 * answer that the clients got and at the rows of both sides.
 */
export async function runFault(bench: FaultBench, one: FaultCase): Promise<FaultResult> {
  const { clients, probe } = bench;
  const { direction, share, namespaces, fault, point, helps } = one;
  const prefix = `c${one.number}`;
  const aim = {
    direction,
    maxPauseMs: MAX_PAUSE_MS,
    ...(share === undefined ? {} : { share }),
    ...(namespaces === undefined ? {} : { namespaces }),
  };
  if (INSTALLS.includes(point)) {
    await completeMove({ ...bench.aim(false), direction: 'reverse', share: 0, maxPauseMs: MAX_PAUSE_MS });
    await uninstall(bench);
  }
  clients.helps = helps;
  clients.start(prefix);
  probe.start();
  await clients.untilTaken(TAKEN_WITHIN_MS);
  const broken = await runMove({
    ...bench.aim(/(cut|stalled)$/.test(fault)),
    ...aim,
    // Passes are made before the block, too: the last one is meant.
    ...(point.startsWith('sync')
      ? { after: `${direction === 'forward' ? 'cutover' : 'rollback'}: after await-writers` }
      : {}),
    point,
    ...(fault === 'kill' ? {} : { meanwhile: () => breakServers(bench, one) }),
  });
  await bench.resume();
  const said = { code: broken.code, signal: broken.signal, document: broken.document, stderr: broken.stderr };
  if (fault === 'kill' && broken.hit) expect(said).toMatchObject({ code: null, signal: 'SIGKILL' });
  else {
    expect(said).toMatchObject({ code: expect.toBeOneOf([0, 3]), signal: null });
    expect(broken.lingeredMs).toBeLessThan(2500);
  }
  // Nobody has to do anything: what was left runs out, or is opened by who is refused.
  if (helps) await clients.untilTaken(MAX_PAUSE_MS + TAKEN_WITHIN_MS);
  const attempts = await completeMove({ ...bench.aim(false), ...aim });
  if (!helps) clients.countFromNow();
  await clients.untilTaken(TAKEN_WITHIN_MS);
  await clients.stop();
  await probe.stop();
  const to = direction === 'forward' ? 'target' : 'source';
  expect({ twice: probe.twice, late: clients.late(to) }).toEqual({ twice: [], late: [] });
  expect(clients.longestMs).toBeLessThan(MAX_PAUSE_MS + ALLOWANCE_MS);
  await bench.expectKept(prefix);
  const { error } = broken.document ?? {};
  return { hit: broken.hit, code: broken.code, error, attempts, longestMs: clients.longestMs };
}

async function breakServers(bench: FaultBench, { fault, backFirst }: FaultCase): Promise<void> {
  const server = serverOf(bench, fault);
  if (server !== undefined) {
    bench.clients.serversDown();
    await server.halt('immediate');
    if (backFirst) await bench.resume();
    return;
  }
  const links = fault.startsWith('source') ? [bench.proxies.source] : bench.proxies.target;
  for (const link of links) {
    if (fault.endsWith('cut')) link.cut();
    else link.stall();
  }
}

/** Takes away what a move makes first, so that the next one makes it again. */
async function uninstall(bench: FaultBench): Promise<void> {
  const { source, target, close } = await openSides({
    source: { url: bench.sourceUrl },
    target: { url: bench.targetUrl },
  });
  try {
    for (const database of [source, target]) await removeGuards(database, noopContext());
  } finally {
    await close();
  }
  await bench.migrate('shim remove --reverse -y');
  bench.clients.unguarded();
}

function serverOf({ single, cluster }: FaultBench, fault: Fault): Server | undefined {
  switch (fault) {
    case 'source stopped':
      return single;
    case 'coordinator stopped':
      return cluster.coordinator;
    case 'worker 1 stopped':
      return cluster.workers[0]!;
    case 'worker 2 stopped':
      return cluster.workers[1]!;
    default:
      return undefined;
  }
}
