/**
 * How messages name the two databases, by the option that names them: on the way back the single node, which
 * `--source` names, takes the rows of the cluster, and "source" and "target" alone would mislead.
 */
export const writtenPlace = (side: 'source' | 'target'): string =>
  side === 'target' ? 'the target' : 'the single node (--source)';

export const readPlace = (side: 'source' | 'target'): string =>
  side === 'source' ? 'the source' : 'the cluster (--target)';

/** At the start of a sentence. */
export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
