import { parseName, quoteIdent } from '../core/names.js';
import type { Plan } from '../core/plan-types.js';

/** Operators of types that extensions brought live in other schemas than pg_catalog: those of all keys. */
export function keySearchPath(plan: Plan): string {
  const types = plan.tables.flatMap((table) =>
    table.columns
      .filter(
        ({ name }) =>
          table.key?.includes(name) ||
          (table.placement.kind === 'distributed' && table.placement.column === name),
      )
      .flatMap(({ sourceType, targetType }) => [sourceType, targetType]),
  );
  const schemas = types
    .filter((type) => type.includes('.'))
    .map((type) => quoteIdent(parseName(type).schema));
  return ['pg_catalog', ...new Set(schemas)].join(', ');
}
