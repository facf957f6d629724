/** The source's catalog as far as a table's life depends on it. Types print as format_type does. Sorted by name. */
export interface Catalog {
  readonly schemas: readonly string[];
  readonly extensions: readonly { readonly name: string; readonly schema: string }[];
  readonly types: readonly TypeDef[];
  readonly functions: readonly FunctionDef[];
  readonly sequences: readonly SequenceDef[];
  readonly tables: readonly TableDef[];
  readonly views: readonly ViewDef[];
}

export interface Named {
  readonly schema: string;
  readonly name: string;
}

export type TypeDef =
  | (Named & { readonly kind: 'enum'; readonly labels: readonly string[] })
  | (Named & {
      readonly kind: 'domain';
      readonly baseType: string;
      readonly notNull: boolean;
      readonly default?: string;
      readonly collation?: string;
      readonly checks: readonly { readonly name: string; readonly definition: string }[];
    })
  | (Named & {
      readonly kind: 'composite';
      readonly attributes: readonly { readonly name: string; readonly type: string }[];
    });

export interface FunctionDef extends Named {
  readonly arguments: string;
  /** As pg_get_functiondef prints it. */
  readonly definition: string;
}

export interface SequenceDef extends Named {
  readonly dataType: string;
  readonly start: string;
  readonly increment: string;
  readonly min: string;
  readonly max: string;
  readonly cache: string;
  readonly cycle: boolean;
  /** `serial`: owned by the column; `identity`: part of it. */
  readonly ownedBy?: Named & { readonly column: string; readonly kind: 'serial' | 'identity' };
}

export interface ColumnDef {
  readonly name: string;
  readonly type: string;
  readonly notNull: boolean;
  readonly default?: string;
  readonly identity?: 'always' | 'by default';
  readonly generated?: string;
  /** Only when it is not the type's own. */
  readonly collation?: string;
  /** The collation is deterministic (or there is none). */
  readonly deterministic: boolean;
  /** The type (its base type for a domain) has binary send and receive functions. */
  readonly binary: boolean;
  /** The type's default hash function for a shard key, e.g. `hashtext`; absent when it has none. */
  readonly hashFunction?: string;
}

export interface ConstraintDef {
  readonly name: string;
  readonly kind: 'primary' | 'unique' | 'check' | 'foreign' | 'exclude';
  readonly columns: readonly string[];
  /** As pg_get_constraintdef prints it. */
  readonly definition: string;
  readonly validated: boolean;
  readonly foreign?: {
    readonly references: Named;
    readonly columns: readonly string[];
    readonly onDelete: 'NO ACTION' | 'RESTRICT' | 'CASCADE' | 'SET NULL' | 'SET DEFAULT';
    readonly onUpdate: 'NO ACTION' | 'RESTRICT' | 'CASCADE' | 'SET NULL' | 'SET DEFAULT';
    readonly match: 'SIMPLE' | 'FULL';
    readonly deferrable: '' | 'DEFERRABLE' | 'DEFERRABLE INITIALLY DEFERRED';
  };
}

export interface IndexDef {
  readonly name: string;
  readonly unique: boolean;
  readonly method: string;
  /** Plain columns in key order; null at the place of an expression. */
  readonly columns: readonly (string | null)[];
  /** What stands behind the opening parenthesis of the column list in pg_get_indexdef. */
  readonly tail: string;
  readonly valid: boolean;
}

export interface TableDef extends Named {
  readonly kind: 'table' | 'partitioned' | 'partition';
  readonly unlogged: boolean;
  /** As pg_get_partkeydef prints it, for `partitioned` (and sub-partitioned partitions). */
  readonly partitionBy?: string;
  readonly partitionOf?: Named & { readonly bound: string };
  /** Plain inheritance parents (not partitioning). */
  readonly inherits: readonly Named[];
  readonly owner: string;
  readonly columns: readonly ColumnDef[];
  readonly constraints: readonly ConstraintDef[];
  readonly indexes: readonly IndexDef[];
  readonly triggers: readonly { readonly name: string; readonly definition: string }[];
  readonly rowSecurity: { readonly enabled: boolean; readonly forced: boolean };
  readonly policies: readonly {
    readonly name: string;
    readonly command: string;
    readonly permissive: boolean;
    readonly roles: readonly string[];
    readonly using?: string;
    readonly check?: string;
  }[];
  readonly grants: readonly {
    readonly grantee: string;
    readonly privileges: readonly string[];
    readonly columns?: readonly string[];
  }[];
  readonly options: readonly string[];
}

export interface ViewDef extends Named {
  readonly materialized: boolean;
  /** As pg_get_viewdef prints it. */
  readonly definition: string;
  readonly indexes: readonly IndexDef[];
  /** Position in an order in which every view comes after those it reads. */
  readonly order: number;
}
