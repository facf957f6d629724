import type { Catalog } from './catalog-types.js';

export type Severity = 'blocker' | 'warning' | 'info';

/** A detected fact about the source or the target that a person should know before moving. */
export interface Finding {
  readonly code: string;
  readonly severity: Severity;
  /** Display name of the table it concerns. */
  readonly table?: string;
  /** Constraint, column, trigger, … inside the table. */
  readonly object?: string;
  readonly message: string;
  readonly remedy: string;
}

/** One hop of the path by which a table reaches the distribution column of another through a foreign key. */
export interface ViaStep {
  readonly constraint: string;
  readonly columns: readonly string[];
  readonly references: { readonly schema: string; readonly name: string };
  readonly referencedColumns: readonly string[];
  /** Other tables inherit from it, whose rows a join without ONLY would find too. */
  readonly only?: true;
}

export type Placement =
  | {
      readonly kind: 'distributed';
      readonly column: string;
      /** Type of the distribution column on the target, as format_type prints it. */
      readonly type: string;
      /** The type's default hash function in pg_catalog, e.g. `hashtext`. */
      readonly hashFunction: string;
      /** The foreign keys that lead to the column; empty when the table has it itself. */
      readonly via: readonly ViaStep[];
      /** Display name of the table it is colocated with; absent for the first table of its group. */
      readonly colocateWith?: string;
      readonly shardCount: number;
    }
  | { readonly kind: 'reference' }
  | { readonly kind: 'local' };

/** A column whose values travel. Generated columns do not. */
export interface ColumnPlan {
  readonly name: string;
  readonly sourceType: string;
  readonly targetType: string;
  /** `added`: the distribution column that `placement.via` reaches; it exists on the target alone. */
  readonly origin: 'own' | 'added';
}

export interface TablePlan {
  readonly schema: string;
  readonly name: string;
  /** Display name: `name` in schema public, else `schema.name`. */
  readonly table: string;
  readonly placement: Placement;
  /** Columns that identify a row on both sides: the source's key; null when it has none. */
  readonly key: readonly string[] | null;
  /** In the order they travel: the distribution column first. */
  readonly columns: readonly ColumnPlan[];
  readonly format: 'binary' | 'text';
}

/**
 * What was decided, reviewable and stable: sorted, without timestamps and row counts. The target's DDL is a pure
 * function of it, and so is the DDL of the way back.
 */
export interface Plan {
  readonly formatVersion: 1;
  /** Hex digest over everything below. */
  readonly planHash: string;
  /** The chosen tables alone (see `scope`). */
  readonly catalog: Catalog;
  /** Which tables were chosen, as --tables and --exclude named them; absent: all. */
  readonly scope?: { readonly tables?: readonly string[]; readonly exclude?: readonly string[] };
  /** Extensions that the target needs. */
  readonly extensions?: readonly { readonly name: string; readonly schema: string }[];
  readonly tables: readonly TablePlan[];
  readonly foreignKeys: readonly ForeignKeyPlan[];
  readonly findings: readonly Finding[];
}

/** What becomes of a foreign key of the source on the target. */
export interface ForeignKeyPlan {
  readonly table: string;
  readonly constraint: string;
  /** `kept` as it is, `rewritten` with the distribution column, `dropped` because Citus refuses it. */
  readonly fate: 'kept' | 'rewritten' | 'dropped';
  /** Complete `FOREIGN KEY (…) REFERENCES … ` clause on the target; absent when dropped. */
  readonly definition?: string;
}
