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
