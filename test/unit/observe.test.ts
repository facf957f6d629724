import { describe, expect, it } from 'vitest';
import { Secret } from '../../src/core/secret.js';
import { createLog, type LogOptions } from '../../src/observe/log.js';
import { createMetrics } from '../../src/observe/metrics.js';
import { noopContext } from '../../src/observe/noop.js';
import { ProgressState } from '../../src/observe/progress-state.js';

const logged = (options: Partial<LogOptions>, work: (log: ReturnType<typeof createLog>) => void): string => {
  let text = '';
  const stream = { write: (line: string) => (text += line) };
  work(createLog({ level: 'info', format: 'text', stream, ...options }));
  return text;
};

describe('the log', () => {
  it('writes one line for people', () => {
    const text = logged({ base: { runId: 'r1' } }, (log) =>
      log.info('chunk done', { table: 'orders', rows: 5n }),
    );
    expect(text).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: chunk done \{"table":"orders","rows":"5"\}\n$/);
  });

  it('writes one JSON object per line for programs', () => {
    const text = logged({ format: 'json', base: { runId: 'r1' } }, (log) => {
      log.warn('slow', { node: 'w1:5432' });
      log.error('gone');
    });
    const [first, second] = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(first).toMatchObject({
      level: 'warn',
      msg: 'slow',
      node: 'w1:5432',
      runId: 'r1',
      time: expect.any(String),
    });
    expect(second).toMatchObject({ level: 'error', msg: 'gone' });
  });

  it('leaves out what is below its level', () => {
    const work = (log: ReturnType<typeof createLog>): void => {
      log.debug('d');
      log.info('i');
      log.warn('w');
    };
    expect(logged({ level: 'warn' }, work).split('\n')).toHaveLength(2);
    expect(logged({ level: 'debug' }, work).split('\n')).toHaveLength(4);
  });

  it.each(['text', 'json'] as const)('masks secrets in %s', (format) => {
    const text = logged({ format }, (log) =>
      log.info('connecting to postgresql://u:hunter2@h/d', {
        url: new Secret('hunter2'),
        password: 'hunter2',
        error: new Error('no: password=hunter2'),
      }),
    );
    expect(text).toContain('***');
    expect(text).not.toContain('hunter2');
  });
});

describe('metrics', () => {
  const get = async (port: number, path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return { status: response.status, text: await response.text() };
  };

  it('serves counters, gauges and the progress snapshot, and stops when closed', async () => {
    const state = new ProgressState({ now: () => 0 });
    state.start('copy', [{ label: 'orders', totalRows: 10, totalBytes: 0 }]);
    state.advance('orders', { rows: 4 });
    const server = await createMetrics({ port: 0, snapshot: () => state.snapshot() });
    server.metrics.count('migrate_copy_rows_total', 3, { table: 'orders' });
    server.metrics.count('migrate_copy_rows_total', 2, { table: 'orders' });
    server.metrics.gauge('migrate_sync_lag_seconds', 1.5);
    const { status, text } = await get(server.port, '/metrics');
    expect(status).toBe(200);
    expect(text).toContain('migrate_copy_rows_total{table="orders"} 5');
    expect(text).toContain('migrate_sync_lag_seconds 1.5');
    expect(text).toContain('migrate_copy_progress_rows{table="orders"} 4');
    expect(text).toContain('migrate_copy_progress_ratio{table="orders"} 0.4');
    expect((await get(server.port, '/')).status).toBe(404);
    await server.close();
    await expect(get(server.port, '/metrics')).rejects.toThrow();
  });

  it('says that a port is taken', async () => {
    const first = await createMetrics({ port: 0 });
    await expect(createMetrics({ port: first.port })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(`port ${first.port}`),
    });
    await first.close();
  });
});

describe('the context that shows nothing', () => {
  it('takes replacements for its parts', () => {
    const context = noopContext({ signal: AbortSignal.abort() });
    expect(context.signal.aborted).toBe(true);
    expect(noopContext().signal.aborted).toBe(false);
    context.progress.start('x', []);
    context.log.info('x');
    context.metrics.count('x', 1);
    expect(context.fail('anywhere')).toBeUndefined();
  });
});
