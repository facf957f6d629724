import pg from 'pg';

/** A writer's connection, made again when its server took the last one along. */
export class Line {
  #client: pg.Client | undefined;
  #new = false;

  constructor(readonly url: string) {}

  /** Whether there is a connection, after an attempt to make one; false while the server is down. */
  async isOpen(): Promise<boolean> {
    if (this.#client !== undefined) return true;
    const client = new pg.Client({ connectionString: this.url });
    const gone = () => {
      if (this.#client === client) this.#client = undefined;
    };
    client.on('error', gone).on('end', gone);
    try {
      await client.connect();
      // Whoever is blocked gives up soon: the history goes on.
      await client.query(`SET lock_timeout = '40ms'`);
    } catch {
      await client.end().catch(() => {});
      return false;
    }
    this.#client = client;
    this.#new = true;
    return true;
  }

  /** Once after a connection was made: no transaction is open on it, whatever was on the last one. */
  isNew(): boolean {
    const was = this.#new;
    this.#new = false;
    return was;
  }

  async query(text: string): Promise<void> {
    if (this.#client === undefined) throw new Error('the server is down');
    await this.#client.query(text);
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => {});
  }
}
