import pg from 'pg';

/** A result whose rows were handed over. */
export interface Fetched {
  /** Names of its columns, in order. */
  readonly columns: readonly string[];
}

/** The server's text, whatever the type: no value becomes a JavaScript value. */
const AS_TEXT = { getTypeParser: () => (value: string) => value } as unknown as pg.CustomTypesConfig;

/**
 * Runs one statement by the extended protocol, which takes one statement alone, and hands over its rows as they come.
 * With a listener node-postgres keeps none of them.
 */
export function fetchRows(
  client: pg.Client,
  text: string,
  parameters: readonly unknown[],
  onRow: (values: readonly (string | null)[]) => void,
): Promise<Fetched> {
  const config = { text, values: [...parameters], rowMode: 'array', types: AS_TEXT, queryMode: 'extended' };
  const query = new pg.Query(config as pg.QueryConfig);
  return new Promise((resolve, reject) => {
    query.on('row', onRow as (row: unknown) => void);
    query.on('error', reject);
    query.on('end', (result) => resolve({ columns: result.fields.map(({ name }) => name) }));
    client.query(query);
  });
}
