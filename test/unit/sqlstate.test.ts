import { expect, test } from 'vitest';
import { toMigrateError } from '../../src/postgres/sqlstate.js';

const said = (fields: object) =>
  toMigrateError({ severity: 'ERROR', message: 'any text', ...fields }, { server: 'target' });

test.each([
  [{ code: 'XX000', routine: 'MarkRemoteTransactionFailed' }, 'CONNECTION_LOST', 'reconnect'],
  [{ code: 'XX000', routine: 'ReportCopyError' }, 'ROW_REFUSED', 'never'],
  [{ code: '58030', routine: 'ReportCopyError' }, 'CONNECTION_LOST', 'reconnect'],
  [{ code: '58030', routine: 'SendCopyDataToPlacement' }, 'CONNECTION_LOST', 'reconnect'],
  [{ code: 'XX000', routine: 'ReportResultError' }, 'CONNECTION_LOST', 'reconnect'],
  [{ code: '58030', routine: 'mdwrite' }, 'SERVER_ERROR', 'never'],
  [{ code: 'XX000', routine: 'anything_else' }, 'SERVER_ERROR', 'never'],
  [{ code: 'XX001', routine: 'MarkRemoteTransactionFailed' }, 'SERVER_ERROR', 'never'],
  [{ code: '57P01' }, 'CONNECTION_LOST', 'reconnect'],
  [{ code: '08006' }, 'CONNECTION_LOST', 'reconnect'],
  [{ code: '40P01' }, 'TRANSIENT', 'same'],
  [{ code: '53200' }, 'MEMORY_SHORT', 'same'],
  [{ code: '53100' }, 'TARGET_DISK_FULL', 'never'],
  [{ code: '23514' }, 'ROW_REFUSED', 'never'],
])('%o is %s, to be tried again: %s', (fields, code, retry) => {
  expect(said(fields)).toMatchObject({ code, retry });
});

test('the text of a message decides nothing', () => {
  const message = 'failure on connection marked as essential';
  expect(said({ code: 'XX000', message, routine: 'elsewhere' }).code).toBe('SERVER_ERROR');
});

const SECRET = 'secret';

test.each([
  ['value "secret" is out of range for type integer', 'value … is out of range for type integer'],
  ['"secret" is out of range for type double precision', '… is out of range for type double precision'],
  ['invalid input syntax for type integer: "secret"', 'invalid input syntax for type integer'],
  ['malformed array literal: "{"a" secret "b"}"', 'malformed array literal'],
  ['value "a" secret "b" is out of range for type integer', 'value … is out of range for type integer'],
  ['invalid input value for enum public.mood: "secret', 'invalid input value for enum public.mood'],
  ['Wert »secret« ist außerhalb des Bereichs', 'Wert … ist außerhalb des Bereichs'],
  ['valeur « secret » en dehors des limites', 'valeur … en dehors des limites'],
  ['invalid byte sequence for encoding "UTF8": 0xe9 0x73', 'invalid byte sequence for encoding …'],
])('an error about data says nothing of it: %s', (message, told) => {
  const error = said({ code: '22003', message });
  expect(error.message).toBe(`Failed on target: ${told}`);
  expect(JSON.stringify([error.message, error.hint, error.context])).not.toContain(SECRET);
});

test('names that the error itself gives stay, and a value that holds such a name goes', () => {
  const fields = { code: '23514', table: 'people', constraint: 'adult', dataType: 'age' };
  const told = (message: string) => said({ ...fields, message }).message;
  expect(told('row of "people" breaks "adult" of type "age"')).toBe(
    'Failed on target: row of "people" breaks "adult" of type "age"',
  );
  expect(told('row of "people" breaks "adult" with "secret"')).toBe(
    'Failed on target: row of "people" breaks "adult" with …',
  );
  expect(told('value "x"people"secret" is bad')).toBe('Failed on target: value … is bad');
});

test.each([
  'duplicate key value violates unique constraint "people_pkey_102008"',
  'new row for relation "people_102008" violates check constraint "adult"',
  'null value in column "name" of relation "people_102008" violates not-null constraint',
])('what Citus passes on without fields keeps its names: %s', (message) => {
  const error = said({ code: 'XX000', routine: 'ReportCopyError', message });
  expect(error).toMatchObject({ code: 'ROW_REFUSED', message: `Failed on target: ${message}` });
  const other = said({ code: 'XX000', routine: 'ReportCopyError', message: 'bad value "secret"' });
  expect(other.message).not.toContain(SECRET);
});

test('an exception of the user about data is not repeated, other errors are', () => {
  const message = 'no secret here';
  expect(said({ code: '22000', routine: 'exec_stmt_raise', message }).message).not.toContain(SECRET);
  expect(said({ code: '42P01', message: 'relation "people" does not exist' }).message).toContain('"people"');
});

test('a value that cannot be read is not said to be refused by a constraint', () => {
  const error = { severity: 'ERROR', code: '22003', message: 'out of range' };
  const hint = (reading: boolean): string => toMigrateError(error, { server: 'source', reading }).hint;
  expect(hint(true)).toContain('the configuration maps to');
  expect(hint(true)).not.toContain('constraint');
  expect(hint(false)).toContain('constraint');
});
