/**
 * What every transaction of this program says first that writes rows of the application, on either side: triggers
 * that capture changes let them pass, for they come from the other side, and guards of ownership do too. Any role may
 * say it, on a node itself.
 */
export const APPLYING = "SET LOCAL citus_migrate.applying = 'on'";

/** What makes a coordinator tell its workers every `SET LOCAL` that follows in the transaction. */
export const TELL_WORKERS = "SET LOCAL citus.propagate_set_commands = 'local'";

/** The same for a transaction that writes through a single node or a coordinator, in the order to be run. */
export const applyingOn = (kind: 'single' | 'citus'): readonly string[] =>
  kind === 'citus' ? [TELL_WORKERS, APPLYING] : [APPLYING];
