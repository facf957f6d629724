import type { VerifyResult } from '../../src/verify/types.js';
import type { Document } from './migrate.js';

/** The role exists on every server, not in a database. */
export const ROLE = `DO $$ BEGIN CREATE ROLE integrity_reader; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$`;
/** Foreign keys, unique rules, sequences, policies and grants of every kind that can go wrong on a cluster. */
export const SCHEMA = `
  ${ROLE};
  CREATE TABLE kind (code text PRIMARY KEY);
  CREATE TABLE model (id bigint PRIMARY KEY, title text);
  CREATE TABLE account (
    id serial PRIMARY KEY, namespace varchar(50) NOT NULL, email text NOT NULL, badge text UNIQUE, state text DEFAULT 'new',
    note text
  );
  CREATE UNIQUE INDEX account_email ON account (lower(email)) WHERE note IS NULL;
  CREATE INDEX account_state ON account (state);
  CREATE TABLE doc (
    id serial PRIMARY KEY, namespace varchar(50) NOT NULL, title text NOT NULL,
    account_id int NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    editor_id int REFERENCES account (id) ON DELETE SET NULL,
    kind text REFERENCES kind (code),
    model_id bigint REFERENCES model (id),
    first_id int, second_id int
  );
  CREATE TABLE spot (namespace varchar(50) NOT NULL, x int, y int, UNIQUE (x, y));
  ALTER TABLE doc ADD CONSTRAINT doc_spot FOREIGN KEY (first_id, second_id) REFERENCES spot (x, y) MATCH FULL;
  CREATE TABLE event (id bigserial PRIMARY KEY, namespace varchar(50) NOT NULL);
  ALTER TABLE doc ENABLE ROW LEVEL SECURITY;
  CREATE POLICY own ON doc FOR SELECT TO integrity_reader USING (namespace = 'public');
  GRANT SELECT ON doc, account TO integrity_reader;
  GRANT UPDATE (title) ON doc TO integrity_reader;

  INSERT INTO kind VALUES ('a'), ('b');
  INSERT INTO model SELECT g FROM generate_series(1, 300) g;
  INSERT INTO account (namespace, email, badge)
  SELECT 'ns' || g % 20, 'm' || g || '@x', 'b' || g FROM generate_series(1, 400) g;
  INSERT INTO spot SELECT 'ns' || g % 20, g, g FROM generate_series(1, 50) g;
  -- The editor is in any namespace, the account in that of the document.
  INSERT INTO doc (namespace, title, account_id, editor_id, kind, model_id, first_id, second_id)
  SELECT 'ns' || g % 20, 't' || g, (g - 1) % 400 + 1, (g * 7) % 400 + 1, CASE WHEN g % 2 = 0 THEN 'a' END, g % 300 + 1,
         CASE WHEN g <= 50 THEN g END, CASE WHEN g <= 50 THEN g END
  FROM generate_series(1, 2000) g;
  INSERT INTO event (namespace) SELECT 'ns' || g % 20 FROM generate_series(1, 100) g;
`;

export const CONFIG = `
widenSerial: true
tables:
  kind: { placement: reference }
  model: { distributeBy: id }
`;

/** What is said to be wrong beside the rows, and nothing that is right. */
export function wrong(result: Pick<VerifyResult, 'integrity' | 'sequences' | 'schema'>): Document {
  const not = <T extends { readonly verdict: string }>(list: readonly T[]): T[] =>
    list.filter((one) => one.verdict !== 'match');
  return {
    integrity: not(result.integrity).map((one) => [
      one.constraint,
      one.kind === 'unique' ? one.duplicates : one.orphans,
    ]),
    sequences: not(result.sequences).map((one) => one.sequence),
    schema: not(result.schema).map((one) => one.object),
  };
}
export const nothing = { integrity: [], sequences: [], schema: [] };

/** Orphans are planted as a broken tool would leave them: without the foreign key's triggers. */
export const replica = (sql: string): string =>
  `BEGIN; SET LOCAL citus.propagate_set_commands = 'local'; SET LOCAL session_replication_role = replica; ${sql}; COMMIT`;
export const constraint = (name: string, rows: number): Document => ({
  ...nothing,
  integrity: [[name, rows]],
});
export const schema = (...objects: string[]): Document => ({ ...nothing, schema: objects });
