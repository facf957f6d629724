import { readCatalog } from '../../plan/catalog.js';
import { comparePlan } from '../../plan/compare.js';
import { type Finding, fails, type GateCheck, holds, some } from './gate.js';

/** `changes`: one sentence each. */
export const assessPlan = (changes: readonly string[], planHash: string): Finding =>
  changes.length === 0
    ? holds(`the source still has the schema of plan ${planHash.slice(0, 12)}`)
    : fails(
        `the source is not as planned: ${some(changes)}`,
        'Undo the change on the source; or plan, install the shim and copy these tables again.',
      );

export const planUnchanged: GateCheck = {
  gate: 'plan-unchanged',
  title: 'the plan still fits the source',
  directions: ['forward', 'reverse'],
  async check({ source, plan }) {
    return assessPlan(comparePlan(plan, await readCatalog(source.session)), plan.planHash);
  },
};
