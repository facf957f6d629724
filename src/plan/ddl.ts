import type { Catalog } from '../core/catalog-types.js';
import type { Plan, TablePlan } from '../core/plan-types.js';
import { grantStatements } from './ddl-grants.js';
import { citusForeignKeyStatements, foreignKeyStatements, keyStatements } from './ddl-keys.js';
import { ownerStatements } from './ddl-owners.js';
import { commentStatements, policyStatements, triggerStatements, viewStatements } from './ddl-rest.js';
import { replicaIdentityStatements, settingStatements } from './ddl-settings.js';
import { distributionStatements, rowSecurityStatements, tableStatements } from './ddl-tables.js';
import {
  extensionStatements,
  ownershipStatements,
  schemaStatements,
  sequenceStatements,
  typeStatements,
} from './ddl-types.js';
import { originalCatalog } from './original-catalog.js';
import type { Ddl } from './statement.js';
import { targetCatalog } from './target-catalog.js';

export type { Ddl, Statement } from './statement.js';

/** The planned tables on the target; with `citus` false on a plain PostgreSQL, where nothing is distributed. */
export function targetDdl(plan: Plan, { citus }: { readonly citus: boolean }): Ddl {
  return catalogDdl(targetCatalog(plan), citus ? plan.tables : undefined);
}

/**
 * A single node of the original shape: original keys and types, foreign keys, triggers and views, nothing added; of
 * chosen tables without what needs others.
 */
export function originalDdl(plan: Plan): Ddl {
  return catalogDdl(originalCatalog(plan).catalog);
}

/** Statements that build a catalog; on a cluster those of `distributed` as Citus tables. */
function catalogDdl(catalog: Catalog, distributed?: readonly TablePlan[]): Ddl {
  return {
    beforeData: [
      ...schemaStatements(catalog),
      ...extensionStatements(catalog),
      ...typeStatements(catalog),
      ...sequenceStatements(catalog),
      ...tableStatements(catalog),
      ...settingStatements(catalog, { citus: distributed !== undefined }),
      ...ownershipStatements(catalog),
      ...distributionStatements(distributed ?? [], catalog),
      ...rowSecurityStatements(catalog),
    ],
    afterData: [
      ...keyStatements(catalog),
      ...replicaIdentityStatements(catalog),
      ...(distributed ? citusForeignKeyStatements(catalog) : foreignKeyStatements(catalog)),
      ...triggerStatements(catalog),
      ...viewStatements(catalog),
      ...policyStatements(catalog),
      ...grantStatements(catalog),
      ...commentStatements(catalog),
      ...ownerStatements(catalog),
    ],
  };
}
