import type { FindingEntry } from './finding-codes/entry.js';
import { KEY_FINDINGS } from './finding-codes/keys.js';
import { OBJECT_FINDINGS } from './finding-codes/objects.js';
import { PLACEMENT_FINDINGS } from './finding-codes/placement.js';
import { SERVER_FINDINGS } from './finding-codes/servers.js';

export type { FindingEntry } from './finding-codes/entry.js';

/** Every finding of a plan. A code, once released, keeps its meaning; docs are generated from this. */
export const FINDINGS = {
  ...PLACEMENT_FINDINGS,
  ...KEY_FINDINGS,
  ...OBJECT_FINDINGS,
  ...SERVER_FINDINGS,
} as const satisfies Record<string, FindingEntry>;

export type FindingCode = keyof typeof FINDINGS;
