import type { Extent } from './extents.js';

/** Pages from `from` up to but without `to`; null: to the end, so that pages added meanwhile count. */
export interface PageRange {
  readonly from: number;
  readonly to: number | null;
}

/** Block numbers have 32 bits; no page has this one. */
const END = 4294967295;

/** What `done` leaves of all pages, in order. Ranges of `done` do not overlap. */
export function remaining(done: readonly PageRange[]): PageRange[] {
  const left: PageRange[] = [];
  let next = 0;
  for (const range of [...done].sort((a, b) => a.from - b.from)) {
    if (range.from > next) left.push({ from: next, to: range.from });
    if (range.to === null) return left;
    next = range.to;
  }
  return [...left, { from: next, to: null }];
}

/**
 * Cuts what `done` leaves of an extent into ranges of about `chunkBytes` each, TOAST included. Page sizes are taken
 * as even; a range holds between half and one and a half times the wish.
 */
export function cutExtent(
  extent: Pick<Extent, 'pages' | 'bytes'>,
  chunkBytes: number,
  done: readonly PageRange[] = [],
): PageRange[] {
  const perPage = Math.max(1, extent.bytes / Math.max(1, extent.pages));
  const step = Math.max(1, Math.floor(chunkBytes / perPage));
  return remaining(done).flatMap(({ from, to }) => {
    const end = to ?? Math.max(extent.pages, from + 1);
    const count = Math.max(1, Math.round((end - from) / step));
    return Array.from({ length: count }, (_, index) => ({
      from: from + index * step,
      to: index === count - 1 ? to : from + (index + 1) * step,
    }));
  });
}

/** Below this a chunk of its own costs more than a stream without work. */
const SMALLEST_SHARE = 16 * 1024 * 1024;

/** The size of chunks, where `wish` would make fewer than `jobs` of `bytes` in all: then there is one for each job. */
export function shareOf(wish: number, bytes: number, jobs: number): number {
  return Math.min(wish, Math.max(SMALLEST_SHARE, Math.ceil(bytes / jobs)));
}

/** First and last place of a range as PostgreSQL's tid literals; the last one is not part of it. */
export function tidRange(range: PageRange): { first: string; last: string } {
  return { first: `(${range.from},0)`, last: `(${range.to ?? END},0)` };
}
