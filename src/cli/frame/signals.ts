import { setMaxListeners } from 'node:events';
import { Interrupted, type StopSignal } from './failure.js';

/** The part of `process` that signals come through. */
export interface SignalSource {
  on(event: StopSignal, listener: () => void): unknown;
  removeListener(event: StopSignal, listener: () => void): unknown;
}

export interface StopRequests {
  /** Aborted, with an Interrupted as its reason, by the first signal. */
  readonly signal: AbortSignal;
  dispose(): void;
}

/**
 * The first SIGINT or SIGTERM asks the work to stop at a clean point; a second one calls `now`.
 */
export function listenForStop(
  source: SignalSource,
  say: (text: string) => void,
  now: (reason: Interrupted) => void,
): StopRequests {
  const controller = new AbortController();
  // Every session listens; Node.js takes the eleventh for a leak.
  setMaxListeners(0, controller.signal);
  const listener = (signal: StopSignal) => (): void => {
    if (controller.signal.aborted) {
      now(new Interrupted(signal, 'at once'));
      return;
    }
    const again = signal === 'SIGINT' ? 'Ctrl-C again' : `${signal} again`;
    say(`Stopping: work in flight is finished or rolled back first; ${again} to stop now.`);
    controller.abort(new Interrupted(signal));
  };
  const listeners = { SIGINT: listener('SIGINT'), SIGTERM: listener('SIGTERM') };
  for (const name of ['SIGINT', 'SIGTERM'] as const) source.on(name, listeners[name]);
  return {
    signal: controller.signal,
    dispose: () => {
      for (const name of ['SIGINT', 'SIGTERM'] as const) source.removeListener(name, listeners[name]);
    },
  };
}
