import type { ViewDef } from '../core/catalog-types.js';
import { qualified } from '../core/names.js';
import { byName, sorted, topological } from './order.js';

/** The views sorted by name, each with its place in an order in which it comes after those it reads. */
export function orderViews(views: readonly Omit<ViewDef, 'order'>[]): ViewDef[] {
  const byNames = sorted(views, byName);
  const places = new Map(
    topological(byNames, qualified, (view) => (view.reads ?? []).map(qualified)).map((view, place) => [
      qualified(view),
      place,
    ]),
  );
  return byNames.map((view) => ({ ...view, order: places.get(qualified(view))! }));
}
