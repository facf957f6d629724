import { MultiBar, type SingleBar } from 'cli-progress';
import type { Clock, Progress } from '../core/context.js';
import { displayWidth, truncate } from '../core/text-width.js';
import { type ProgressSnapshot, ProgressState } from './progress-state.js';
import {
  barLine,
  closingLine,
  pausedText,
  progressLine,
  summaryItem,
  visibleItems,
} from './progress-text.js';

/** A phase being shown. `write` puts text of others, such as log lines, where it does not break the display. */
export interface ProgressView extends Progress {
  snapshot(): ProgressSnapshot;
  write(text: string): void;
}

export interface ProgressStream extends NodeJS.WritableStream {
  isTTY?: boolean;
  columns?: number;
  rows?: number;
}

export interface ProgressOptions {
  kind: 'bars' | 'lines' | 'none';
  stream: ProgressStream;
  clock: Clock;
  /** Takes the lines of kind `lines`; default: they are written to the stream. */
  emit?: (line: string, snapshot: ProgressSnapshot) => void;
  /** Calls `work` every `ms` milliseconds until the returned function is called. */
  every?: (ms: number, work: () => void) => () => void;
}

const LINE_EVERY_MS = 5000;

const unrefInterval = (ms: number, work: () => void): (() => void) => {
  const timer = setInterval(work, ms);
  timer.unref();
  return () => clearInterval(timer);
};

interface Display {
  write(text: string): void;
  /** Work pauses, or goes on; the snapshot has the reason. */
  paused(yes: boolean): void;
  close(): void;
}

/** Clears to the end of the line: a log line may take the place of a longer bar. */
const CLEAR_RIGHT = '\u001b[K';

function showBars(options: ProgressOptions, snapshot: () => ProgressSnapshot): Display {
  const { stream } = options;
  const columns = (): number => (stream.columns ?? 80) - 1;
  const total = snapshot().items.length;
  // One line for the summary, one for the reason of a pause and one for the cursor.
  const slots = Math.max(1, Math.min(total, (stream.rows ?? 24) - 3));
  const lines: string[] = [];
  let pauseLine: SingleBar | undefined;
  const draw = (): void => {
    const picture = snapshot();
    const shown = visibleItems(picture.items, slots);
    const rows = picture.items.length > slots ? [...shown, summaryItem(picture)] : shown;
    const labelWidth = Math.min(
      Math.max(8, ...rows.map((row) => displayWidth(row.label))),
      Math.floor(columns() * 0.35),
    );
    lines.length = 0;
    lines.push(...rows.map((row) => barLine(row, labelWidth, columns())));
    if (pauseLine !== undefined) lines.push(truncate(pausedText(picture), columns()));
  };
  const bars = new MultiBar({
    stream,
    fps: 5,
    hideCursor: true,
    // Signals are the command's affair.
    gracefulExit: false,
    // A log line moves the bars, so all of them must be drawn again.
    forceRedraw: true,
    format: (_options, _parameters, payload: { index: number }) => lines[payload.index] ?? '',
  });
  draw();
  bars.on('update-pre', draw);
  bars.on('stop-pre-clear', draw);
  for (let index = 0; index < (total > slots ? slots + 1 : slots); index += 1) bars.create(1, 0, { index });
  bars.update();
  return {
    write: (text) => {
      for (const line of text.replace(/\n$/, '').split('\n')) bars.log(`${line}${CLEAR_RIGHT}\n`);
      bars.update();
    },
    paused: (yes) => {
      if (yes === (pauseLine !== undefined)) return;
      const bar = pauseLine;
      pauseLine = undefined;
      if (bar !== undefined) bars.remove(bar);
      else pauseLine = bars.create(1, 0, { index: lines.length });
      bars.update();
    },
    close: () => bars.stop(),
  };
}

function showLines(options: ProgressOptions, snapshot: () => ProgressSnapshot): Display {
  const emit = options.emit ?? ((line: string) => options.stream.write(`${line}\n`));
  const end = (options.every ?? unrefInterval)(LINE_EVERY_MS, () =>
    emit(progressLine(snapshot()), snapshot()),
  );
  return {
    write: (text) => options.stream.write(text),
    // The log tells when a pause begins and ends; the lines repeat its reason.
    paused: () => {},
    close: () => {
      end();
      emit(closingLine(snapshot()), snapshot());
    },
  };
}

/**
 * Shows the phases that commands report: as bars on a terminal, as a line every five seconds without one, or not at
 * all. Every kind keeps the snapshot, which metrics read too.
 */
export function createProgress(options: ProgressOptions): ProgressView {
  const state = new ProgressState(options.clock);
  let display: Display | undefined;
  const snapshot = (): ProgressSnapshot => state.snapshot();
  const close = (): void => {
    const open = display;
    display = undefined;
    open?.close();
  };
  return {
    start: (phase, items) => {
      close();
      state.start(phase, items);
      if (options.kind === 'bars' && items.length > 0) display = showBars(options, snapshot);
      else if (options.kind !== 'none') display = showLines(options, snapshot);
    },
    advance: (label, update) => state.advance(label, update),
    finish: (label) => state.finish(label),
    pause: (reason) => {
      state.pause(reason);
      display?.paused(reason !== undefined);
    },
    stop: () => {
      state.stop();
      close();
    },
    snapshot,
    write: (text) => {
      if (display === undefined) options.stream.write(text);
      else display.write(text);
    },
  };
}
