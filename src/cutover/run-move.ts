import type { Context } from '../core/context.js';
import { MigrateError, throwIfAborted } from '../core/errors.js';
import { formatDuration, plural } from '../core/format.js';
import { closeMove, type Move, type MoveRequest, newMove, ownersOf, sideOf } from './move.js';
import { failpointOf, placeOf, STEPS, type Step, type StepName } from './steps.js';

export interface MoveResult {
  /** From the block to the first write that the other side takes; null: no unit had to move. */
  readonly writePauseMs: number | null;
  readonly epoch: number | null;
  readonly passes: number;
  /** Rows that passes brought; each pass was compared on both sides before it committed. */
  readonly rows: number;
  readonly starts: Readonly<Record<string, string>>;
  readonly notCaptured: readonly string[];
}

/** The steps of a move; without units to move those alone that finish an earlier one. */
export const stepsOf = ({ direction, units }: Pick<MoveRequest, 'direction' | 'units'>): readonly Step[] =>
  STEPS.filter(
    ({ directions, paused, name }) =>
      directions.includes(direction) && (units.length > 0 || (!paused && name !== 'catch-up')),
  );

/** Rejects when the pause has run out; the decision and what follows it are never given up by the clock. */
async function withinPause(move: Move, step: Step): Promise<void> {
  const { maxPauseMs } = move.request;
  if (!step.paused || step.name === 'block' || move.epoch !== undefined || step.name === 'give')
    return step.run(move);
  const left = move.blockedAt! + maxPauseMs - move.context.clock.now();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new MigrateError('BLOCK_EXPIRED', {
            message: `Writes were held up for ${formatDuration(maxPauseMs)}, and the step ${step.name} was not done`,
            context: { step: step.name },
          }),
        ),
      Math.max(0, left),
    );
  });
  const running = step.run(move);
  // Whoever lost the race ends with the connections that this attempt closes.
  running.catch(() => {});
  try {
    await Promise.race([running, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** An error behind the decision: what is left is done by the same command, or by a router. */
function unfinished(move: Move, cause: unknown): MigrateError {
  return new MigrateError('MOVE_UNFINISHED', {
    message: `Writes belong to the ${sideOf(move.to)} by move ${move.epoch}, but what follows failed: ${cause instanceof Error ? cause.message : String(cause)}`,
    context: { epoch: move.epoch ?? 0, side: sideOf(move.to) },
    cause,
  });
}

/** What an attempt that has decided nothing, as far as it knows, leaves of the writes; a sentence. */
function leftOf(move: Move, step: StepName | undefined, released: boolean): string {
  const { units, maxPauseMs } = move.request;
  const side = `the ${sideOf(move.from)}`;
  if (released) return 'Nothing was moved, and writes go on where they were.';
  if (step === 'give')
    return `Whether ${plural(units.length, 'unit')} were given away is not known, for ${side} did not answer: until the command is repeated, writes to them may be refused on both sides.`;
  return `Nothing was moved; ${side} did not answer any more, and refuses writes to ${plural(units.length, 'unit')} until the pause of ${formatDuration(maxPauseMs)} has run out.`;
}

/** The error with what is left, before what to do. */
function withLeft(error: unknown, left: string): unknown {
  if (!(error instanceof MigrateError) || error.exit !== 3) return error;
  const { code, message, context, cause, retry, hint } = error;
  // Some codes are about nothing else, and say so of themselves.
  const rest = hint.replace(/^Nothing was moved, and writes go on where they were\. /, '');
  return new MigrateError(code, { message, context, cause, retry, hint: `${left} ${rest}` });
}

/**
 * Makes the steps of a move in order. It either comes to its end or leaves everything as it was: an error before the
 * decision ends the block, an error after it throws MOVE_UNFINISHED. Killed, it is repaired by the same command.
 */
export async function runMove(request: MoveRequest, context: Context): Promise<MoveResult> {
  const { log, clock, fail, signal } = context;
  const { direction, units } = request;
  const move = newMove(request, context);
  let at: StepName | undefined;
  try {
    for (const step of stepsOf(request)) {
      at = step.name;
      // Behind the decision a stop would leave units that nobody takes writes for.
      if (move.epoch === undefined) throwIfAborted(signal);
      log.debug(`Step ${step.name}: ${placeOf(direction, step)} ${step.says}`);
      await withinPause(move, step);
      if (step.name === 'take') move.pauseMs = clock.now() - move.blockedAt!;
      await fail(failpointOf(direction, step));
    }
    const { epoch, passes, rows, starts, passer } = move;
    return {
      writePauseMs: move.pauseMs ?? null,
      epoch: epoch ?? null,
      passes,
      rows,
      starts,
      notCaptured: passer?.tables.notCaptured ?? [],
    };
  } catch (error) {
    if (move.epoch !== undefined) throw unfinished(move, error);
    const released = move.blockedAt === undefined || (await ownersOf(move, move.from).release(units));
    throw withLeft(error, leftOf(move, at, released));
  } finally {
    await closeMove(move);
  }
}
