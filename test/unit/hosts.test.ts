import { describe, expect, test } from 'vitest';
import {
  passesOf,
  type ServerRole,
  type SessionAttrs,
  triesNextHost,
  unmet,
} from '../../src/postgres/hosts.js';

const ROLES: Record<string, ServerRole> = {
  primary: { standby: false, readOnly: false },
  'read-only primary': { standby: false, readOnly: true },
  standby: { standby: true, readOnly: false },
  'read-only standby': { standby: true, readOnly: true },
};

describe('target_session_attrs', () => {
  // The table of libpq-connect, "target_session_attrs".
  test.each<[SessionAttrs, string[]]>([
    ['any', Object.keys(ROLES)],
    ['read-write', ['primary']],
    ['read-only', ['read-only primary', 'standby', 'read-only standby']],
    ['primary', ['primary', 'read-only primary']],
    ['standby', ['standby', 'read-only standby']],
  ])('%s takes %j', (attrs, taken) => {
    expect(Object.keys(ROLES).filter((name) => unmet(attrs, ROLES[name]!) === undefined)).toEqual(taken);
    expect(passesOf(attrs)).toEqual([attrs]);
  });

  test('prefer-standby asks for a standby first, and for anything afterwards', () => {
    expect(passesOf('prefer-standby')).toEqual(['standby', 'any']);
  });
});

test.each([
  [{ code: 'ECONNREFUSED' }, true],
  [{ code: 'ENOTFOUND' }, true],
  [{ message: 'timeout expired' }, true],
  [{ code: '57P03', severity: 'FATAL' }, true],
  [{ code: '28P01', severity: 'FATAL' }, false],
  [{ code: '3D000', severity: 'FATAL' }, false],
  [{ code: 'ECONNRESET' }, false],
  [{ message: 'SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string' }, false],
  [undefined, false],
])('after %j the next host is tried: %s', (error, next) => {
  expect(triesNextHost(error)).toBe(next);
});
