/** never: the same call fails again; same: repeat the statement; reconnect: repeat on a new connection. */
export type Retry = 'never' | 'same' | 'reconnect';

export interface ErrorEntry {
  area:
    | 'usage'
    | 'connection'
    | 'server'
    | 'plan'
    | 'dump'
    | 'load'
    | 'capture'
    | 'ownership'
    | 'cutover'
    | 'verify'
    | 'run'
    | 'bug';
  /** Process exit code, as docs/cli.md lists them. */
  exit: 2 | 3 | 4 | 1 | 70;
  retry: Retry;
  what: string;
  advice: string;
}

export const entry = (
  area: ErrorEntry['area'],
  exit: ErrorEntry['exit'],
  what: string,
  advice: string,
  retry: Retry = 'never',
): ErrorEntry => ({ area, exit, retry, what, advice });
