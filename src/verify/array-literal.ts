import { quoteLiteral } from '../core/names.js';

/** An SQL literal of a one-dimensional array, to be followed by a cast. */
export function arrayLiteral(values: readonly (string | null)[]): string {
  const elements = values.map((value) =>
    value === null ? 'NULL' : `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`,
  );
  return quoteLiteral(`{${elements.join(',')}}`);
}
