import type { Progress } from './context.js';

/**
 * Tells `progress` when the last chunk of a table is done: call what this returns with the label of each chunk's
 * table. Tables of `labels` without a chunk in `todo` are done at once.
 */
export function finishing(
  labels: readonly string[],
  todo: readonly string[],
  progress: Progress,
): (label: string) => void {
  const left = new Map<string, number>(labels.map((label) => [label, 0]));
  for (const label of todo) left.set(label, (left.get(label) ?? 0) + 1);
  for (const [label, chunks] of left) if (chunks === 0) progress.finish(label);
  return (label) => {
    left.set(label, left.get(label)! - 1);
    if (left.get(label) === 0) progress.finish(label);
  };
}
