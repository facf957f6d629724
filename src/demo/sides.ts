import { findPostgres, startCluster, startServer } from './servers/index.js';

export interface DemoSides {
  readonly urls: { readonly source: string; readonly target: string };
  /** What was started, in one sentence. */
  readonly description: string;
}

/**
 * A single node as source; as target a coordinator with two workers where Citus is installed, else a second single
 * node. `closeServers` removes them. Throws NO_SERVER, SERVER_NOT_STARTED.
 */
export async function startSides(signal: AbortSignal): Promise<DemoSides> {
  const install = await findPostgres();
  const source = await startServer({ install, name: 'source', signal });
  const from = `PostgreSQL ${install.version} (${install.kind === 'local' ? 'of this machine' : 'embedded'})`;
  if (install.hasCitus) {
    const cluster = await startCluster({ install, signal });
    return {
      urls: { source: source.url(), target: cluster.url() },
      description: `${from} with Citus: a single node as source, a coordinator and two workers as target.`,
    };
  }
  const target = await startServer({ install, name: 'target', signal });
  return {
    urls: { source: source.url(), target: target.url() },
    description: `${from} without Citus: a single node as source, another one as target (one shard per table).`,
  };
}
