/** The source's catalog as far as a table's life depends on it. Types print as format_type does. Sorted by name. */
export interface Catalog {
  readonly schemas: readonly string[];
  /** `used`: a table, index, view or function of the user depends on it. */
  readonly extensions: readonly { readonly name: string; readonly schema: string; readonly used?: boolean }[];
  readonly types: readonly TypeDef[];
  readonly functions: readonly FunctionDef[];
  readonly sequences: readonly SequenceDef[];
  readonly tables: readonly TableDef[];
  readonly views: readonly ViewDef[];
  /** Extended statistics, each as pg_get_statisticsobjdef prints it. */
  readonly statistics?: readonly (Named & { readonly table: Named; readonly definition: string })[];
  /** Privileges on schemas, sequences, views and functions; those on tables stand at the table. */
  readonly grants?: readonly ObjectGrant[];
  /** Owners of schemas, types, functions, views and sequences of no column; a table's stands at the table. */
  readonly owners?: readonly ObjectOwner[];
  readonly comments?: readonly Comment[];
  /** What is known to exist and is not described above: `kind` is `aggregate`, `rule`, `foreign table`, …. */
  readonly others?: readonly { readonly kind: string; readonly name: string; readonly table?: Named }[];
}

export interface Grant {
  /** Role name, or `PUBLIC`. */
  readonly grantee: string;
  readonly privileges: readonly string[];
  readonly columns?: readonly string[];
  readonly grantable?: boolean;
}

export interface ObjectGrant extends Grant {
  /** As GRANT names it: `SCHEMA app`, `SEQUENCE public.t_id_seq`. No privileges for PUBLIC: they were revoked. */
  readonly on: string;
  /** The schema, relation or function name. */
  readonly object: Named;
}

export interface ObjectOwner {
  /** As ALTER names it: `SCHEMA app`, `FUNCTION public.f(integer)`. */
  readonly on: string;
  /** The schema, type, relation or function name. */
  readonly object: Named;
  readonly owner: string;
}

/** One comment, addressed as pg_identify_object_as_address does. */
export interface Comment {
  readonly type: string;
  readonly names: readonly string[];
  readonly args: readonly string[];
  /** As pg_identify_object prints it. */
  readonly identity: string;
  readonly text: string;
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
    })
  | (Named & { readonly kind: 'range'; readonly subtype: string; readonly options: readonly string[] })
  | (Named & {
      readonly kind: 'collation';
      readonly provider: 'icu' | 'libc' | 'builtin';
      readonly locale: string;
      readonly deterministic: boolean;
    });

export interface FunctionDef extends Named {
  readonly arguments: string;
  /** As pg_get_functiondef prints it. */
  readonly definition: string;
  /** Recorded dependents. `name`: of the table or view (for a trigger, policy or index: its table), type or function. */
  readonly usedBy?: readonly (Named & {
    readonly kind: 'table' | 'trigger' | 'policy' | 'view' | 'function' | 'type';
  })[];
  /** Its signature or body depends on a table or view: it can be created only after that. */
  readonly needsRelations?: boolean;
  /** Those tables and views. */
  readonly reads?: readonly Named[];
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
  /**
   * The type's default hash function for a shard key, e.g. `hashtext`, qualified outside pg_catalog; absent when
   * it has none that means the same on every server (enum hashes depend on OIDs).
   */
  readonly hashFunction?: string;
  /** The extension that brings the type (element type of an array, base type of a domain). */
  readonly extension?: string;
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
  /** Other tables, in the plan or not, inherit from it. */
  readonly hasHeirs?: true;
  readonly owner: string;
  readonly columns: readonly ColumnDef[];
  readonly constraints: readonly ConstraintDef[];
  readonly indexes: readonly IndexDef[];
  readonly triggers: readonly {
    readonly name: string;
    readonly definition: string;
    /** Absent: it fires as usual. */
    readonly enabled?: 'DISABLE' | 'ENABLE REPLICA' | 'ENABLE ALWAYS';
  }[];
  readonly rowSecurity: { readonly enabled: boolean; readonly forced: boolean };
  readonly policies: readonly {
    readonly name: string;
    readonly command: string;
    readonly permissive: boolean;
    readonly roles: readonly string[];
    readonly using?: string;
    readonly check?: string;
  }[];
  readonly grants: readonly Grant[];
  /** Storage parameters, those of its TOAST table as `toast.name=value`. */
  readonly options: readonly string[];
  /** Absent: the primary key. */
  readonly replicaIdentity?: 'FULL' | 'NOTHING' | { readonly index: string };
  /** Columns that are not stored, or looked at by ANALYZE, as their type usually is. */
  readonly settings?: readonly ColumnSettings[];
}

export interface ColumnSettings {
  readonly column: string;
  readonly storage?: 'PLAIN' | 'EXTERNAL' | 'MAIN' | 'EXTENDED';
  readonly compression?: 'pglz' | 'lz4';
  /** The statistics target. */
  readonly statistics?: number;
}

export interface ViewDef extends Named {
  readonly materialized: boolean;
  /** As pg_get_viewdef prints it. */
  readonly definition: string;
  readonly indexes: readonly IndexDef[];
  /** Position in an order in which every view comes after those it reads. */
  readonly order: number;
  /** Tables and views that it reads. */
  readonly reads?: readonly Named[];
  /** Primary keys of tables without which its GROUP BY would not name enough columns. */
  readonly groupedBy?: readonly (Named & { readonly constraint: string })[];
  /** Storage parameters such as `security_barrier=true`. */
  readonly options?: readonly string[];
}
