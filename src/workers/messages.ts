import type { Arrived } from '../ledger/rows.js';
import type { ChunkTask } from '../load/executor.js';
import type { PackedError } from './transfer.js';

/** What the main thread tells a worker thread. Tasks are packed (`pack`). */
export type ToThread =
  | { readonly kind: 'run'; readonly task: unknown }
  | { readonly kind: 'abort'; readonly reason: PackedError }
  | { readonly kind: 'close' };

/** Milliseconds since the last message. */
export type StreamWaits = Record<'source' | 'target' | 'throttle', number>;

/** What a worker thread tells the main thread. */
export type FromThread =
  | { readonly kind: 'advance'; readonly bytes: number; readonly waitMs: StreamWaits }
  | {
      readonly kind: 'retrying';
      readonly error: PackedError;
      readonly chunk: ChunkTask['chunk'];
      readonly pauseMs: number;
    }
  | { readonly kind: 'done'; readonly arrived: Arrived }
  | { readonly kind: 'failed'; readonly error: PackedError }
  | { readonly kind: 'closed' };
