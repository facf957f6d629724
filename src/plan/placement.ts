import type { Catalog, ColumnDef, TableDef } from '../core/catalog-types.js';
import { MigrateError } from '../core/errors.js';
import { displayName, qualified } from '../core/names.js';
import type { Finding, Placement, ViaStep } from '../core/plan-types.js';
import { assignGroups } from './colocation.js';
import { finding } from './findings.js';
import { PLAN_DEFAULTS, type PlanConfig } from './options.js';
import { compareText, sorted } from './order.js';
import { reachableKeys } from './reach.js';
import { type ColumnTypes, columnKey, isVectorLike } from './types.js';
import { isIdType, uniqueKeys } from './unique-keys.js';

export interface TableSize {
  readonly rows: number;
  readonly bytes: number;
}

export interface PlacementInput {
  readonly catalog: Catalog;
  /** By qualified name; a table that is not in it counts as empty. */
  readonly sizes: ReadonlyMap<string, TableSize>;
  readonly types: ColumnTypes;
  readonly config: PlanConfig & {
    readonly choices: ReadonlyMap<string, NonNullable<PlanConfig['tables']>[string]>;
  };
}

/** What a table is distributed by, before colocation is decided. */
export interface KeyChoice {
  readonly column: string;
  /** The table and column at the end of `via`: where the values come from. */
  readonly origin: { readonly table: TableDef; readonly column: ColumnDef };
  readonly via: readonly ViaStep[];
  /** Set for a table distributed by a key that only its own children share: it is colocated with those alone. */
  readonly family?: string;
}

export type Choice = KeyChoice | 'reference' | 'local';

export interface Placements {
  /** By qualified name, partitions included. */
  readonly placements: ReadonlyMap<string, Placement>;
  readonly findings: readonly Finding[];
}

/**
 * Places every table. In this order: what the configuration says; an own distribution column, unless the table is a
 * look-up; a distribution column reached through foreign keys; reference, when distributed tables refer to it; its
 * own primary key, when it is large or holds vectors; reference, when it is small; local.
 */
export function decidePlacements(input: PlacementInput): Placements {
  const placer = new Placer(input);
  placer.chooseConfigured();
  placer.chooseOwn();
  placer.chooseReached();
  placer.chooseRest();
  const { choices, findings } = placer;
  const groups = assignGroups(choices, input);
  return { placements: groups.placements, findings: [...findings, ...groups.findings] };
}

/** Look-ups have at most so many rows, and at most this share of the largest table with the column. */
const LOOKUP = { rows: 1000, share: 0.01 } as const;

class Placer {
  readonly choices = new Map<string, Choice>();
  readonly findings: Finding[] = [];
  readonly #input: PlacementInput;
  readonly #roots: readonly TableDef[];
  readonly #limits: { maxRows: number; maxBytes: number };

  constructor(input: PlacementInput) {
    this.#input = input;
    this.#roots = input.catalog.tables.filter((table) => !table.partitionOf);
    this.#limits = { ...PLAN_DEFAULTS.reference, ...input.config.reference };
  }

  chooseConfigured(): void {
    for (const table of this.#roots) {
      const choice = this.#input.config.choices.get(qualified(table));
      if (choice?.placement === 'reference' || choice?.placement === 'local') {
        this.#choose(table, choice.placement);
      } else if (choice?.distributeBy !== undefined) {
        this.#distribute(table, choice.distributeBy);
      }
    }
  }

  chooseOwn(): void {
    const owners = this.#open().filter((table) => this.#ownColumn(table) && !this.#choiceOf(table)?.via);
    const largest = Math.max(0, ...owners.map((table) => this.#size(table).rows));
    for (const table of owners) {
      const column = this.#ownColumn(table)!;
      if (this.#choiceOf(table)?.placement !== 'distributed' && this.#isLookup(table, largest)) {
        this.#choose(table, 'reference');
        this.findings.push(finding('LOOKUP_REFERENCE', { table }, { column }));
      } else {
        this.#distribute(table, column);
      }
    }
  }

  /** Tables that reach a distributed one through foreign keys, nearest first. */
  chooseReached(): void {
    for (let found = true; found; ) {
      found = false;
      const reached = this.#open().flatMap((table) => {
        const keys = reachableKeys(table, this.choices, this.#choiceOf(table)?.via);
        return keys.length > 0 ? [{ table, keys, length: keys[0]!.key.via.length }] : [];
      });
      const nearest = Math.min(...reached.map((one) => one.length));
      for (const { table, keys } of reached.filter((one) => one.length === nearest)) {
        found = true;
        const [first, ...others] = keys;
        const { key, step } = first!;
        if (key.via.length > 0 && table.columns.some((column) => column.name === key.column)) {
          this.findings.push(finding('COLUMN_NAME_TAKEN', { table }, { column: key.column }));
          this.#choose(table, 'local');
          continue;
        }
        this.#choose(table, key);
        const equals = others.filter(
          (one) => one.key.via.length === key.via.length && one.rank === first!.rank,
        );
        if (equals.length > 0 && this.#choiceOf(table)?.via === undefined) {
          const values = {
            chosen: step.constraint,
            others: equals.map((one) => one.step.constraint).join(', '),
          };
          this.findings.push(finding('VIA_AMBIGUOUS', { table }, values));
        }
      }
    }
  }

  chooseRest(): void {
    for (const table of this.#open()) {
      if (!this.#isReferred(table) || this.#choiceOf(table)?.placement === 'distributed') continue;
      this.#choose(table, table.kind === 'partitioned' ? 'local' : 'reference');
      this.#explain(table, 'distributed tables refer to it');
    }
    // A child of a table that is distributed by its own key goes with it.
    for (let next = this.#nextByKey(); next; next = this.#nextByKey()) {
      const column = next.constraints.find((one) => one.kind === 'primary')!.columns[0]!;
      this.#distribute(next, column, qualified(next));
      if (this.#choiceOf(next)?.placement === undefined)
        this.findings.push(finding('DISTRIBUTED_BY_KEY', { table: next }, { column }));
      this.chooseReached();
    }
    for (const table of this.#open()) {
      if (this.#choiceOf(table)?.placement === 'distributed') throw needsColumn(table);
      const large = this.#isLarge(table);
      this.#choose(table, large || table.kind === 'partitioned' ? 'local' : 'reference');
      this.#explain(
        table,
        large ? 'it is too large for a reference table and has no key to distribute it by' : '',
      );
    }
  }

  #explain(table: TableDef, reason: string): void {
    const local = this.choices.get(qualified(table)) === 'local';
    if (local) {
      const why = reason.startsWith('it') ? reason : 'partitioned tables cannot be reference tables';
      this.findings.push(finding('LOCAL_TABLE', { table }, { reason: why }));
    } else if (this.#isLarge(table)) {
      this.findings.push(finding('REFERENCE_LARGE', { table }, { reason }));
    }
  }

  /** The next table to distribute by its own primary key: parents before their children. */
  #nextByKey(): TableDef | undefined {
    const fit = this.#open().filter((table) => this.#fitsOwnKey(table));
    const names = new Set(fit.map(qualified));
    const refersToFit = (table: TableDef): boolean =>
      table.constraints.some(
        ({ foreign }) =>
          foreign &&
          names.has(qualified(foreign.references)) &&
          qualified(foreign.references) !== qualified(table),
      );
    return fit.find((table) => !refersToFit(table)) ?? fit[0];
  }

  #fitsOwnKey(table: TableDef): boolean {
    const asked = this.#choiceOf(table)?.placement === 'distributed';
    const primary = table.constraints.find((one) => one.kind === 'primary');
    const column = table.columns.find((one) => one.name === primary?.columns[0]);
    if (primary?.columns.length !== 1 || !column) return false;
    if (asked) return true;
    const others = uniqueKeys(table).filter((key) => !key.columns.includes(column.name));
    const wanted = this.#isLarge(table) || table.columns.some((one) => isVectorLike(one.type));
    return isIdType(column.type) && wanted && others.length === 0;
  }

  #isLookup(table: TableDef, largest: number): boolean {
    const { rows } = this.#size(table);
    const primary = table.constraints.find((one) => one.kind === 'primary');
    const surrogate = table.columns.find((column) => column.name === primary?.columns[0]);
    return (
      table.kind === 'table' &&
      rows > 0 &&
      rows <= LOOKUP.rows &&
      rows <= largest * LOOKUP.share &&
      primary?.columns.length === 1 &&
      isIdType(surrogate?.type ?? '') &&
      uniqueKeys(table).some((key) => key.name !== primary.name) &&
      !table.constraints.some((one) => one.kind === 'foreign') &&
      !table.columns.some((column) => isVectorLike(column.type))
    );
  }

  #isLarge(table: TableDef): boolean {
    const { rows, bytes } = this.#size(table);
    return rows > this.#limits.maxRows || bytes > this.#limits.maxBytes;
  }

  /** A distributed table refers to it. */
  #isReferred(table: TableDef): boolean {
    return this.#input.catalog.tables.some(
      (other) =>
        typeof (this.choices.get(qualified(other.partitionOf ?? other)) ?? 'local') !== 'string' &&
        other.constraints.some(
          ({ foreign }) => foreign && qualified(foreign.references) === qualified(table),
        ),
    );
  }

  #distribute(table: TableDef, name: string, family?: string): void {
    const column = table.columns.find((one) => one.name === name)!;
    const type = this.#input.types.get(columnKey(table, name)) ?? column.type;
    if (column.hashFunction === undefined || !column.deterministic || column.generated !== undefined) {
      const code = column.deterministic ? 'KEY_UNHASHABLE' : 'KEY_COLLATION';
      this.findings.push(finding(code, { table }, { column: name, type }));
      this.#choose(table, 'local');
      return;
    }
    this.#choose(table, { column: name, origin: { table, column }, via: [], ...(family ? { family } : {}) });
  }

  #choose(table: TableDef, choice: Choice): void {
    this.choices.set(qualified(table), choice);
  }

  #open(): TableDef[] {
    return sorted(
      this.#roots.filter((table) => !this.choices.has(qualified(table))),
      (left, right) => compareText(displayName(left), displayName(right)),
    );
  }

  #ownColumn(table: TableDef): string | undefined {
    const wanted = this.#input.config.distributionColumn ?? PLAN_DEFAULTS.distributionColumn;
    return wanted.find((name) => table.columns.some((column) => column.name === name));
  }

  #choiceOf(table: TableDef): NonNullable<PlanConfig['tables']>[string] | undefined {
    return this.#input.config.choices.get(qualified(table));
  }

  /** Of a partitioned table: of all its partitions. */
  #size(table: TableDef): TableSize {
    const parts = this.#input.catalog.tables.filter(
      (one) => qualified(one) === qualified(table) || isPartOf(one, table, this.#input.catalog),
    );
    return parts.reduce(
      (sum, part) => {
        const size = this.#input.sizes.get(qualified(part)) ?? { rows: 0, bytes: 0 };
        return { rows: sum.rows + size.rows, bytes: sum.bytes + size.bytes };
      },
      { rows: 0, bytes: 0 },
    );
  }
}

function needsColumn(table: TableDef): MigrateError {
  const name = displayName(table);
  return new MigrateError('CONFIG_INVALID', {
    message: `tables.${name}.placement: distributed: ${name} has nothing to distribute it by.`,
    hint: `Name a column under tables.${name}.distributeBy.`,
  });
}

/** `table` is a partition of `root` on some level. */
export function isPartOf(table: TableDef, root: TableDef, catalog: Catalog): boolean {
  const parent =
    table.partitionOf && catalog.tables.find((one) => qualified(one) === qualified(table.partitionOf!));
  return parent !== undefined && (qualified(parent) === qualified(root) || isPartOf(parent, root, catalog));
}
