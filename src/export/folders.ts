import { createHash } from 'node:crypto';
import type { Named } from '../core/catalog-types.js';
import { qualified } from '../core/names.js';

/** Bytes that a name in a directory may have (NAME_MAX of ext4, XFS, APFS, NTFS and others). */
const LONGEST = 255;

/** A slash or a dot in a name must not become a path. */
const safe = (name: string): string => encodeURIComponent(name).replaceAll('.', '%2E').replaceAll('*', '%2A');

/**
 * The folder of each table, by its qualified name: `SCHEMA.TABLE` with what is not plain ASCII percent-encoded, which
 * triples its bytes. A name that is too long for a directory, or that differs from an earlier one only in case, which
 * some disks do not tell apart, is cut and gets a hash of the whole. `tables` are all that may ever share the dump: of two
 * that differ in case the first in order of their names stays as it is.
 */
export function foldersOf(tables: readonly Named[]): ReadonlyMap<string, string> {
  const taken = new Set<string>();
  const folders = new Map<string, string>();
  for (const table of [...tables].sort((left, right) => (qualified(left) < qualified(right) ? -1 : 1))) {
    const name = qualified(table);
    const plain = `${safe(table.schema)}.${safe(table.name)}`;
    const fits = plain.length <= LONGEST && !taken.has(plain.toLowerCase());
    const hash = createHash('sha256').update(name).digest('hex').slice(0, 16);
    // A percent sign that is cut from its digits is no worse than any other end.
    const folder = fits ? plain : `${plain.slice(0, LONGEST - hash.length - 1)}~${hash}`;
    taken.add(folder.toLowerCase());
    folders.set(name, folder);
  }
  return folders;
}
