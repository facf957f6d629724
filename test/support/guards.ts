import type { Side } from '../../src/core/ownership.js';
import { installGuards } from '../../src/dualwrite/guards.js';
import { Owners } from '../../src/dualwrite/owners.js';
import { noopContext } from '../../src/observe/noop.js';
import { openSides, type Sides } from './follow.js';
import type { Journey } from './load.js';

/** Both sides with their guards, and who owns the writes. */
export interface GuardedSides extends Sides {
  readonly owners: Readonly<Record<Side, Owners>>;
  /** Moves units from their owner, without anything else that a cut-over does. */
  move(units: readonly string[], to: Side): Promise<number>;
}

export async function guardedSides(journey: Journey): Promise<GuardedSides> {
  const sides = await openSides(journey);
  await installGuards({ ...sides, plan: journey.plan }, noopContext());
  const owners = {
    source: await Owners.open(sides.source, noopContext()),
    target: await Owners.open(sides.target, noopContext()),
  };
  return {
    ...sides,
    owners,
    move: async (units, to) => {
      const from = owners[to === 'target' ? 'source' : 'target'];
      await from.block(units, 10_000);
      await from.awaitWriters(units, 5000);
      const epoch = await from.give(units, to);
      await owners[to].take(units, epoch);
      return epoch;
    },
    close: async () => {
      await Promise.all([owners.source.close(), owners.target.close()]);
      await sides.close();
    },
  };
}

/** SQLSTATE of the error that a promise ends with; undefined when it does not. */
export async function stateOf(work: Promise<unknown>): Promise<string | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}
