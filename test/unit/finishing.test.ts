import { expect, test } from 'vitest';
import { finishing } from '../../src/core/finishing.js';
import { noopProgress } from '../../src/observe/noop.js';

test('a table is done with its last chunk, and at once when it has none', () => {
  const done: string[] = [];
  const progress = { ...noopProgress, finish: (label: string) => void done.push(label) };
  const finished = finishing(['a', 'b', 'empty'], ['a', 'b', 'a'], progress);
  expect(done).toEqual(['empty']);
  finished('a');
  expect(done).toEqual(['empty']);
  finished('b');
  finished('a');
  expect(done).toEqual(['empty', 'b', 'a']);
});
