/** What a reader of catalogs needs of a session: one statement in, its rows out. */
export interface Queryable {
  /** How messages name it: `source`, `target`. */
  readonly server?: string;
  query<T extends object>(text: string): Promise<T[]>;
}
