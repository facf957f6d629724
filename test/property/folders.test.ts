import fc from 'fast-check';
import { expect, test } from 'vitest';
import { qualified } from '../../src/core/names.js';
import { foldersOf } from '../../src/export/folders.js';

/** PostgreSQL cuts names at 63 bytes; few letters, so that some differ in case alone. */
const name = fc
  .array(fc.constantFrom('a', 'A', 'b', '.', '/', '%', '~', '*', 'ß', '表', '😀', '"'), {
    minLength: 1,
    maxLength: 15,
  })
  .map((letters) => letters.join(''));
const tables = fc.uniqueArray(fc.record({ schema: name, name }), { maxLength: 30, selector: qualified });

test('every table has a folder of its own on any disk, whatever its name', () => {
  fc.assert(
    fc.property(tables, (all) => {
      const folders = foldersOf(all);
      const names = all.map((table) => folders.get(qualified(table))!);
      expect(new Set(names.map((one) => one.toLowerCase())).size).toBe(all.length);
      for (const one of names) {
        expect(Buffer.byteLength(one)).toBeLessThanOrEqual(255);
        expect(one).toMatch(/^[A-Za-z0-9_~.%!'()-]+$/);
        expect(one).not.toMatch(/^\.+$/);
      }
      expect(foldersOf([...all].reverse())).toEqual(folders);
    }),
  );
});

test('names that need nothing stay as they are', () => {
  const plain = [
    { schema: 'public', name: 'users' },
    { schema: 'Shop', name: 'Order Lines' },
  ];
  expect([...foldersOf(plain).values()].sort()).toEqual(['Shop.Order%20Lines', 'public.users']);
});

test('only the second of two that differ in case, and what is too long, gets a hash', () => {
  const folders = foldersOf([
    { schema: 'public', name: 'users' },
    { schema: 'public', name: 'Users' },
    { schema: '表'.repeat(21), name: '表'.repeat(21) },
  ]);
  expect([...folders.values()].filter((one) => /~[0-9a-f]{16}$/.test(one))).toHaveLength(2);
});
