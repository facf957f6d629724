import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { displayWidth } from '../../src/core/text-width.js';
import { createProgress, type ProgressStream, type ProgressView } from '../../src/observe/progress.js';
import { ProgressState } from '../../src/observe/progress-state.js';
import { barLine, progressLine } from '../../src/observe/progress-text.js';

const items = (count: number, totalRows = 1000) =>
  Array.from({ length: count }, (_, index) => ({
    label: `t${index}`,
    totalRows,
    totalBytes: totalRows * 100,
  }));

const stepClock = () => {
  const clock = { at: 0, now: () => clock.at };
  return clock;
};

afterEach(() => vi.useRealTimers());

describe('the snapshot', () => {
  it('adds up rows, bytes and waits and names the bottleneck', () => {
    const state = new ProgressState(stepClock());
    state.start('copy', items(2));
    state.advance('t0', { rows: 100, bytes: 5000, waitMs: { source: 5, target: 50 } });
    state.advance('t0', { rows: 100, bytes: 5000, waitMs: { target: 10 } });
    const snapshot = state.snapshot();
    expect(snapshot.total).toMatchObject({
      rows: 200,
      bytes: 10_000,
      totalRows: 2000,
      totalBytes: 200_000,
      fraction: 0.05,
    });
    expect(snapshot.items.map((item) => item.state)).toEqual(['running', 'waiting']);
    expect(snapshot).toMatchObject({ bottleneck: 'target', waitMs: { source: 5, transform: 0, target: 60 } });
  });

  it('never changes once taken', () => {
    const state = new ProgressState(stepClock());
    state.start('copy', items(1));
    const before = state.snapshot();
    state.advance('t0', { rows: 5 });
    expect(before.items[0]!.rows).toBe(0);
    expect(Object.isFrozen(before) && Object.isFrozen(before.items) && Object.isFrozen(before.items[0])).toBe(
      true,
    );
  });

  it('measures the rate of the last ten seconds and forecasts from it', () => {
    const clock = stepClock();
    const state = new ProgressState(clock);
    state.start('copy', items(1, 100_000));
    // Ten seconds at 100 rows/s, then twenty at 1000 rows/s.
    for (let second = 0; second < 30; second += 1) {
      state.advance('t0', { rows: second < 10 ? 100 : 1000 });
      clock.at += 1000;
    }
    const [item] = state.snapshot().items;
    expect(item!.rowsPerSecond).toBeGreaterThan(900);
    expect(item!.rowsPerSecond).toBeLessThanOrEqual(1100);
    expect(item!.remainingMs).toBeCloseTo(((100_000 - 21_000) / item!.rowsPerSecond) * 1000, 3);
  });

  it('lets the rate of a stalled table fall', () => {
    const clock = stepClock();
    const state = new ProgressState(clock);
    state.start('copy', items(1));
    state.advance('t0', { rows: 100 });
    clock.at = 1000;
    const lively = state.snapshot().items[0]!.rowsPerSecond;
    clock.at = 100_000;
    expect(state.snapshot().items[0]!.rowsPerSecond).toBeLessThan(lively / 50);
  });

  it('is complete only when finished, whatever the estimates said', () => {
    const state = new ProgressState(stepClock());
    state.start('copy', items(1));
    state.advance('t0', { rows: 5000, bytes: 900_000 });
    expect(state.snapshot().total.fraction).toBe(0.99);
    state.finish('t0');
    expect(state.snapshot().total).toMatchObject({ fraction: 1, totalRows: 5000, remainingMs: 0 });
  });

  it('has no fraction where no total is known', () => {
    const state = new ProgressState(stepClock());
    state.start('indexes', [{ label: 'i', totalRows: 0, totalBytes: 0 }]);
    state.advance('i', { rows: 1 });
    expect(state.snapshot().items[0]).not.toHaveProperty('fraction');
    state.advance('unannounced', { rows: 1 });
    expect(state.snapshot().items.map((item) => item.label)).toEqual(['i', 'unannounced']);
  });
});

const collect = (terminal: Partial<ProgressStream> = {}) => {
  const stream = Object.assign(new PassThrough(), terminal);
  let text = '';
  stream.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  return { stream, text: () => text };
};

describe('a pause', () => {
  it('is in the snapshot with its reason and its length, until work goes on', () => {
    const clock = stepClock();
    const state = new ProgressState(clock);
    state.start('copy', items(1));
    clock.at = 1000;
    state.pause('a standby lags');
    clock.at = 3500;
    state.pause('a standby lags more');
    clock.at = 4000;
    const snapshot = state.snapshot();
    expect(snapshot.paused).toEqual({ reason: 'a standby lags more', forMs: 3000 });
    expect(progressLine(snapshot)).toBe(
      'copy 0 %: paused for 3.0 s: a standby lags more, 0 of 1 table, 0 rows, 0 rows/s',
    );
    state.pause(undefined);
    expect(state.snapshot()).not.toHaveProperty('paused');
    expect(progressLine(state.snapshot())).toBe('copy 0 %: 0 of 1 table, 0 rows, 0 rows/s');
  });

  it('names the rate as what is mostly waited for', () => {
    const state = new ProgressState(stepClock());
    state.start('copy', items(1));
    state.advance('t0', { rows: 1, waitMs: { throttle: 5, target: 1 } });
    expect(progressLine(state.snapshot())).toContain('mostly waiting for the rate limit');
  });
});

describe('lines', () => {
  const open = () => {
    vi.useFakeTimers();
    const clock = stepClock();
    const out = collect();
    const lines: string[] = [];
    const view = createProgress({
      kind: 'lines',
      stream: out.stream,
      clock,
      emit: (line) => lines.push(line),
    });
    return { clock, view, lines };
  };

  it('appear every five seconds and at the end, and then no more', () => {
    const { clock, view, lines } = open();
    view.start('copy', items(2));
    view.advance('t0', { rows: 250, bytes: 25_000 });
    clock.at = 4999;
    vi.advanceTimersByTime(4999);
    expect(lines).toEqual([]);
    clock.at = 5000;
    vi.advanceTimersByTime(1);
    expect(lines).toEqual(['copy 12 %: 0 of 2 tables, 250 rows, 24.4 kB, 4.9 kB/s, 35.0 s left; now t0']);
    clock.at = 10_000;
    vi.advanceTimersByTime(5000);
    expect(lines).toHaveLength(2);
    view.stop();
    view.stop();
    expect(lines.at(-1)).toBe('copy: 0 of 2 tables, 250 rows, 24.4 kB in 10.0 s');
    vi.advanceTimersByTime(60_000);
    expect(lines).toHaveLength(3);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('start anew with the next phase', () => {
    const { view, lines } = open();
    view.start('export', items(1));
    view.start('import', items(3));
    vi.advanceTimersByTime(5000);
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(/^import 0 %: 0 of 3 tables/);
    view.stop();
  });

  it('go to the stream when nobody takes them', () => {
    vi.useFakeTimers();
    const out = collect();
    const view = createProgress({ kind: 'lines', stream: out.stream, clock: stepClock() });
    view.start('copy', items(1));
    vi.advanceTimersByTime(5000);
    view.stop();
    expect(out.text().split('\n')).toHaveLength(3);
  });
});

describe('none', () => {
  it('writes nothing, keeps the snapshot and passes text on', () => {
    vi.useFakeTimers();
    const out = collect();
    const view = createProgress({ kind: 'none', stream: out.stream, clock: stepClock() });
    view.start('copy', items(1));
    view.advance('t0', { rows: 3 });
    vi.advanceTimersByTime(60_000);
    view.stop();
    expect(out.text()).toBe('');
    expect(view.snapshot().total.rows).toBe(3);
    view.write('log\n');
    expect(out.text()).toBe('log\n');
  });
});

describe('bars', () => {
  const open = (rows: number, count: number): { view: ProgressView; text: () => string } => {
    vi.useFakeTimers();
    const out = collect({ isTTY: true, columns: 100, rows });
    const view = createProgress({ kind: 'bars', stream: out.stream, clock: stepClock() });
    view.start('copy', items(count));
    return { view, text: out.text };
  };

  it('show every table with percent, rows, bytes and rate', () => {
    const { view, text } = open(24, 2);
    view.advance('t1', { rows: 500, bytes: 50_000 });
    vi.advanceTimersByTime(1000);
    view.stop();
    expect(text()).toMatch(/t1 +█+░+ +50 % +500 rows +48\.8 kB +97\.7 kB\/s/);
    expect(text()).toContain('t0');
    expect(text()).not.toContain('all:');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('end with a summary when there are more tables than lines, and show the running ones', () => {
    const { view, text } = open(6, 40);
    view.advance('t33', { rows: 500 });
    vi.advanceTimersByTime(1000);
    view.stop();
    expect(text()).toContain('all: 0 of 40 tables');
    expect(text()).toContain('t33 ');
    expect(text()).not.toContain('t20 ');
  });

  it.each([1, 40])('show why work pauses in a line of its own, as long as it does (%i tables)', (count) => {
    const { view, text } = open(6, count);
    const since = (): string => {
      const before = text().length;
      vi.advanceTimersByTime(1000);
      return text().slice(before);
    };
    expect(since()).not.toContain('paused');
    view.pause('standby a lags');
    view.pause('standby b lags');
    const paused = since();
    expect(paused).toMatch(/paused for .*: standby b lags/);
    // Nothing may be drawn below the last line of the terminal: five frames a second, each of them whole.
    expect(paused.split('\n').length - 1).toBeLessThanOrEqual(6 * 5);
    view.pause(undefined);
    since();
    expect(since()).not.toContain('paused');
    view.pause('again');
    view.stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('let log lines through above them at once', () => {
    const { view, text } = open(24, 2);
    view.write('something happened\n');
    expect(text()).toContain('something happened\u001b[K\n');
    view.stop();
    expect(text().endsWith('\n')).toBe(true);
  });

  it.each([20, 40, 60, 80, 200])('fit into %i columns', (columns) => {
    const state = new ProgressState(stepClock());
    state.start('copy', [{ label: '日本語テーブル'.repeat(6), totalRows: 10 ** 9, totalBytes: 10 ** 12 }]);
    state.advance('日本語テーブル'.repeat(6), { rows: 10 ** 8, bytes: 10 ** 11 });
    const line = barLine(state.snapshot().items[0]!, Math.floor(columns * 0.35), columns);
    expect(displayWidth(line)).toBeLessThanOrEqual(columns);
    expect(line.includes('█')).toBe(columns >= 200);
  });
});

describe('the progress line', () => {
  it('counts rows where bytes are not known', () => {
    const state = new ProgressState(stepClock());
    state.start('verify', items(1, 10));
    state.advance('t0', { rows: 5 });
    expect(progressLine(state.snapshot())).toBe(
      'verify 50 %: 0 of 1 table, 5 rows, 10 rows/s, 1.0 s left; now t0',
    );
  });
});

describe('steps without rows and bytes', () => {
  const started = () => {
    const state = new ProgressState(stepClock());
    const step = (label: string) => ({ label, totalRows: 0, totalBytes: 0, detail: 'waiting' });
    state.start('after-data', ['index a of t', 'index b of t', 'index c of t', 'index d of t'].map(step));
    state.advance('index b of t', { fraction: 0.4, detail: 'loading tuples, 1 of 4 shards' });
    state.advance('index b of t', { fraction: 0.5, detail: 'loading tuples, 2 of 4 shards' });
    state.finish('index a of t');
    return state;
  };

  it('are shown with what they are at and how far that is', () => {
    expect(progressLine(started().snapshot())).toBe(
      'after-data 37 %: 1 of 4 steps; now index b of t (loading tuples, 2 of 4 shards, 50 %)',
    );
    const bars = started()
      .snapshot()
      .items.map((item) => barLine(item, 12, 100).trimEnd());
    expect(bars[0]).toMatch(/^index a of t █+ 100 % done$/);
    expect(bars[1]).toMatch(/^index b of t █+░+ {2}50 % loading tuples, 2 of 4 shards$/);
    expect(bars[2]).toMatch(/^index c of t ░+ {7}waiting$/);
  });

  it('are all done when each is', () => {
    const state = started();
    expect(state.snapshot().total.fraction).toBeLessThan(1);
    for (const { label } of state.snapshot().items) state.finish(label);
    expect(state.snapshot().total.fraction).toBe(1);
  });
});
