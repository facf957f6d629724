import { expect } from 'vitest';
import { type FreshDatabase, freshSource } from './databases.js';
import { runJson } from './migrate.js';
import { contentsOf, shapesOf } from './same-rows.js';

/** Brings everything back from `target` into an empty single node, which has to be as `source` is; returns it. */
export async function expectWayBack(
  { source, target }: { source: FreshDatabase; target: FreshDatabase },
  { config, cwd }: { config: string; cwd: string },
): Promise<FreshDatabase> {
  const back = await freshSource();
  const there = ['--reverse', '--source', back.url, '--target', target.url, '--config', config];
  expect(await runJson(['export', '--out', 'back', ...there], { cwd })).toMatchObject({ exit: 0 });
  expect(await runJson(['import', '--from', 'back', ...there], { cwd })).toMatchObject({ exit: 0 });
  expect(await runJson(['verify', ...there], { cwd })).toMatchObject({ exit: 0, verdict: 'match' });
  const shapes = await shapesOf(source.client);
  expect(await shapesOf(back.client)).toEqual(shapes);
  expect(await contentsOf(back.url, shapes)).toEqual(await contentsOf(source.url, shapes));
  return back;
}
