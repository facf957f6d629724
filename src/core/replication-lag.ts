/** Moments kept of a node's log: enough for a delay of days to be told to a few percent. */
const MOST_SAMPLES = 256;

interface Sample {
  readonly at: number;
  readonly lsn: bigint;
}

/** A log position of PostgreSQL, `16/B374D848`, as the number of bytes before it. */
export function parseLsn(text: string): bigint {
  const [high, low] = text.split('/');
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}

/**
 * Where a node's log stood when, so that a standby's delay follows from what it has replayed. pg_stat_replication's
 * own replay_lag says nothing of a standby that has stopped replaying: it knows only what has been replayed.
 */
export class LogHistory {
  #samples: Sample[] = [];

  /** The node's log ends at `lsn` at `at` (milliseconds). Times and positions never go back. */
  observe(at: number, lsn: bigint): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && lsn <= last.lsn) return;
    this.#samples.push({ at, lsn });
    if (this.#samples.length > MOST_SAMPLES) this.#samples.splice(this.#leastMissed(at), 1);
  }

  /** The sample without which a delay would be told wrong by the smallest share of itself. */
  #leastMissed(now: number): number {
    let least = 1;
    let smallest = Infinity;
    for (let index = 1; index < this.#samples.length - 1; index += 1) {
      const before = this.#samples[index - 1]!.at;
      const share = (this.#samples[index + 1]!.at - before) / (now - before);
      if (share < smallest) [least, smallest] = [index, share];
    }
    return least;
  }

  /**
   * Milliseconds since the node wrote the oldest position, of those that were observed, which `replayed` has not
   * reached; 0 when it has reached all. Never more than the true delay, and less by at most the time between two
   * observations.
   */
  behind(now: number, replayed: bigint): number {
    const first = this.#samples.find(({ lsn }) => lsn > replayed);
    return first === undefined ? 0 : now - first.at;
  }
}
