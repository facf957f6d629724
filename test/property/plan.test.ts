import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { TableDef } from '../../src/core/catalog-types.js';
import { targetDdl } from '../../src/plan/ddl.js';
import { canonicalJson } from '../../src/plan/plan-hash.js';
import { catalog, column, decided, foreignKey, primary, table } from '../support/catalogs.js';

/** Tables t0 … tn, some with a namespace, with foreign keys anywhere. */
const tables = fc
  .array(
    fc.record({
      key: fc.constantFrom(undefined, 'varchar(9)!', 'varchar(200)!', 'text!', 'integer!'),
      vector: fc.boolean(),
      refers: fc.array(fc.record({ to: fc.nat(9), nullable: fc.boolean() }), { maxLength: 3 }),
      rows: fc.constantFrom(0, 500, 2_000_000),
    }),
    { minLength: 1, maxLength: 10 },
  )
  .map((drawn) => ({
    rows: Object.fromEntries(drawn.map((one, place) => [`t${place}`, one.rows])),
    tables: drawn.map(({ key, vector, refers }, place): TableDef => {
      const name = `t${place}`;
      return table(
        name,
        [
          column('id', 'integer!'),
          ...(key ? [column('namespace', key)] : []),
          ...(vector ? [column('v', 'real[]')] : []),
          ...refers.map(({ nullable }, index) => column(`r${index}`, nullable ? 'integer' : 'integer!')),
        ],
        [
          primary(name, 'id'),
          ...refers.map(({ to }, index) =>
            foreignKey(`${name}_f${index}`, `r${index} -> t${to % drawn.length}(id)`),
          ),
        ],
      );
    }),
  }));

it('is the same plan in whatever order the catalog lists its tables and constraints', () => {
  fc.assert(
    fc.property(tables, fc.infiniteStream(fc.double({ noNaN: true })), ({ tables: drawn, rows }, stream) => {
      const shuffled = <T>(values: readonly T[]): T[] =>
        values
          .map((value) => ({ value, rank: stream.next().value as number }))
          .sort((left, right) => left.rank - right.rank)
          .map(({ value }) => value);
      const plan = (list: readonly TableDef[]): string => {
        const { tables: planned, foreignKeys, findings } = decided(list, {}, rows);
        const fates = [...foreignKeys.plans].sort((a, b) => (a.constraint < b.constraint ? -1 : 1));
        return canonicalJson({ planned, fates, findings: findings.map((one) => canonicalJson(one)).sort() });
      };
      const other = shuffled(drawn).map((one) => ({ ...one, constraints: shuffled(one.constraints) }));
      expect(plan(other)).toBe(plan(drawn));
    }),
  );
});

it('never plans what Citus refuses', () => {
  fc.assert(
    fc.property(tables, ({ tables: drawn, rows }) => {
      const made = decided(drawn, {}, rows);
      const plan = {
        formatVersion: 1,
        planHash: '',
        catalog: catalog(drawn),
        tables: made.tables,
        foreignKeys: made.foreignKeys.plans,
        findings: [],
      } as const;
      const placed = new Map(made.tables.map((one) => [one.table, one.placement]));
      const group = (name: string): string | undefined => {
        const placement = placed.get(name)!;
        return placement.kind === 'distributed' ? (placement.colocateWith ?? name) : undefined;
      };
      const created = new Set<string>();
      const { beforeData, afterData } = targetDdl(plan, { citus: true });
      for (const { sql, table: name } of beforeData.filter((one) => one.kind === 'distribution')) {
        const lead = /colocate_with => 'public\.(\w+)'/.exec(sql)?.[1];
        if (lead) expect(created).toContain(lead);
        created.add(name!);
      }
      for (const { sql, table: name } of afterData.filter((one) => one.kind === 'key')) {
        const placement = placed.get(name!)!;
        // What stands on an index that was made before names that alone.
        if (sql.includes(' USING INDEX ')) continue;
        const columns = /\((.*)\)/.exec(sql)![1]!.split(', ');
        if (placement.kind === 'distributed') expect(columns).toContain(placement.column);
      }
      for (const { sql, table: name } of afterData.filter((one) => one.kind === 'foreign key')) {
        const [, own, to, theirs] = /FOREIGN KEY \((.*)\) REFERENCES public\.(\w+)\((.*)\)/.exec(sql)!;
        const [from, parent] = [placed.get(name!)!, placed.get(to!)!];
        if (parent.kind === 'distributed') {
          expect(group(name!)).toBe(group(to!));
          const at = own!.split(', ').indexOf(from.kind === 'distributed' ? from.column : '');
          expect(theirs!.split(', ')[at]).toBe(parent.column);
        }
        if (from.kind === 'distributed') expect(parent.kind).not.toBe('local');
      }
    }),
  );
});
