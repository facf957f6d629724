import type { Segment } from './names.js';

/** Bytes of a segment from which on writers are sent to the other one: what a pass scans at most in vain, usually. */
export const ROTATE_BYTES = 8 * 1024 * 1024;

export interface SegmentSize {
  readonly id: number;
  readonly segment: Segment;
  readonly bytes: number;
}

export interface Rotation {
  /** The segment to write to from now on. */
  readonly write: Segment;
  /** Segments that may be emptied once nothing of them is left to apply. */
  readonly empty: readonly { readonly id: number; readonly segment: Segment }[];
}

/**
 * What to do with the segments after a pass. Writers go to the other segment when theirs has grown and the other is
 * smaller: a long transaction may keep a segment from being emptied, and then they are soon sent back.
 */
export function rotate(current: Segment, sizes: readonly SegmentSize[], threshold = ROTATE_BYTES): Rotation {
  const other: Segment = current === 1 ? 2 : 1;
  const bytes = (segment: Segment): number =>
    sizes.reduce((sum, size) => (size.segment === segment ? sum + size.bytes : sum), 0);
  const write = bytes(current) > threshold && bytes(other) < bytes(current) ? other : current;
  const empty = sizes
    .filter((size) => size.segment !== write && size.bytes > 0)
    .map(({ id, segment }) => ({ id, segment }));
  return { write, empty };
}
