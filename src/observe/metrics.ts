import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Metrics } from '../core/context.js';
import { MigrateError } from '../core/errors.js';
import type { ProgressSnapshot } from './progress-state.js';

const LABELS = ['table', 'node'] as const;
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export interface MetricsServer {
  readonly metrics: Metrics;
  /** The port that is listened on, on 127.0.0.1. */
  readonly port: number;
  close(): Promise<void>;
}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  }).catch((error: NodeJS.ErrnoException) => {
    throw new MigrateError('CONFIG_INVALID', {
      message: `Metrics cannot be served on port ${port} (${error.code})`,
      hint: 'Choose another --metrics-port.',
      cause: error,
    });
  });
  return (server.address() as AddressInfo).port;
}

/** Phase names as they may stand in a metric name. */
const phaseName = (phase: string): string => phase.toLowerCase().replace(/[^a-z0-9]+/g, '_') || 'run';

/**
 * Serves what is counted, and the progress snapshot as `migrate_<phase>_progress_rows|bytes|ratio{table}`, as
 * Prometheus text on http://127.0.0.1:PORT/metrics. Port 0 takes a free one. Throws CONFIG_INVALID when it is taken.
 */
export async function createMetrics(options: {
  port: number;
  snapshot?: () => ProgressSnapshot;
}): Promise<MetricsServer> {
  // Loaded only where metrics are asked for: it is not small.
  const { Counter, Gauge, Registry } = await import('prom-client');
  const registry = new Registry();
  const known = new Map<string, InstanceType<typeof Counter> | InstanceType<typeof Gauge>>();
  const instrument = (kind: typeof Counter | typeof Gauge, name: string) => {
    let found = known.get(name);
    if (found === undefined) {
      const help = name.replaceAll('_', ' ');
      found = new kind({ name, help, labelNames: [...LABELS], registers: [registry] });
      known.set(name, found);
    }
    return found;
  };
  const gauge: Metrics['gauge'] = (name, value, labels = {}) =>
    (instrument(Gauge, name) as InstanceType<typeof Gauge>).set(labels, value);
  const metrics: Metrics = {
    count: (name, value, labels = {}) => instrument(Counter, name).inc(labels, value),
    gauge,
  };
  const server = createServer((request, response) => {
    if (request.url !== '/metrics' || (request.method !== 'GET' && request.method !== 'HEAD')) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('Metrics are at /metrics\n');
      return;
    }
    const snapshot = options.snapshot?.();
    for (const item of snapshot?.items ?? []) {
      const prefix = `migrate_${phaseName(snapshot!.phase)}_progress`;
      if (item.detail === undefined) {
        gauge(`${prefix}_rows`, item.rows, { table: item.label });
        gauge(`${prefix}_bytes`, item.bytes, { table: item.label });
      }
      if (item.fraction !== undefined) gauge(`${prefix}_ratio`, item.fraction, { table: item.label });
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { 'content-type': CONTENT_TYPE }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  const port = await listen(server, options.port);
  return {
    metrics,
    port,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // A scraper's keep-alive connection would hold the process.
      server.closeAllConnections();
      await closed;
    },
  };
}
