import type { Config } from '../../config/config.js';
import type { Clock, Context, Log } from '../../core/context.js';
import { unhurried } from '../../core/pace.js';
import { createLog } from '../../observe/log.js';
import { createMetrics } from '../../observe/metrics.js';
import { noopMetrics } from '../../observe/noop.js';
import { createProgress, type ProgressStream, type ProgressView } from '../../observe/progress.js';
import { textStyle } from './table.js';

export interface Observation {
  readonly context: Context;
  readonly log: Log;
  /** Text for stderr, put where it does not break the bars. */
  write(text: string): void;
  close(): Promise<void>;
}

function progressKind(
  config: Config,
  stderr: ProgressStream,
  env: NodeJS.ProcessEnv,
): 'bars' | 'lines' | 'none' {
  if (!config.progress) return 'none';
  // Among JSON log lines there is no place for bars.
  return stderr.isTTY === true && env.TERM !== 'dumb' && config.log.format === 'text' ? 'bars' : 'lines';
}

/** Opens what the configuration asks for: log and progress on stderr, metrics on a port. Throws CONFIG_INVALID. */
export async function openObservation(
  config: Config,
  parts: { stderr: ProgressStream; env: NodeJS.ProcessEnv; clock: Clock; signal: AbortSignal; runId: string },
): Promise<Observation> {
  const { stderr, env, clock, signal } = parts;
  let view: ProgressView | undefined;
  const write = (text: string): void => {
    if (view === undefined) stderr.write(text);
    else view.write(text);
  };
  const log = createLog({
    ...config.log,
    stream: { write },
    colors: textStyle(stderr, env).colors,
    base: { runId: parts.runId },
  });
  view = createProgress({
    kind: progressKind(config, stderr, env),
    stream: stderr,
    clock,
    ...(config.log.format === 'json'
      ? { emit: (line, { phase, total }) => log.info(line, { phase, rows: total.rows, bytes: total.bytes }) }
      : {}),
  });
  const open = view;
  const server =
    config.metricsPort === undefined
      ? undefined
      : await createMetrics({ port: config.metricsPort, snapshot: () => open.snapshot() });
  if (server !== undefined) log.info(`Metrics are served on http://127.0.0.1:${server.port}/metrics`);
  return {
    context: {
      signal,
      log,
      metrics: server?.metrics ?? noopMetrics,
      progress: view,
      clock,
      pace: unhurried(),
      fail: () => undefined,
    },
    log,
    write,
    close: async () => {
      open.stop();
      await server?.close();
    },
  };
}
