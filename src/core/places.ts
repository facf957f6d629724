/**
 * How messages name the two databases, by the option that names them: on the way back the single node, which
 * `--source` names, takes the rows of the cluster, and "source" and "target" alone would mislead. `where`: server and
 * database, for what must not be mistaken.
 */
export const writtenPlace = (side: 'source' | 'target', where?: string): string => {
  if (side === 'source') return `the single node (${['--source', ...(where ? [where] : [])].join(', ')})`;
  return where === undefined ? 'the target' : `the target (${where})`;
};

export const readPlace = (side: 'source' | 'target'): string =>
  side === 'source' ? 'the source' : 'the cluster (--target)';

/** At the start of a sentence. */
export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
