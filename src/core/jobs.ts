/** How many units of work run at once; may change while they run. */
export class Jobs {
  #now: number;
  readonly #listeners = new Set<(jobs: number) => void>();

  constructor(jobs: number) {
    this.#now = jobs;
  }

  get now(): number {
    return this.#now;
  }

  set(jobs: number): void {
    if (jobs === this.#now) return;
    this.#now = jobs;
    for (const listener of this.#listeners) listener(jobs);
  }

  /** Returns how to stop listening. */
  onChange(listener: (jobs: number) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
