import { describe, expect, test } from 'vitest';
import { Interrupted, withTruncateHint } from '../../src/cli/frame/failure.js';
import { MigrateError } from '../../src/core/errors.js';

const ADVICE = 'With --truncate it would start over';

describe('the hint to repeat a command', () => {
  test.each([
    ['interrupted', new Interrupted('SIGINT')],
    ['lost', new MigrateError('CONNECTION_LOST')],
  ])('warns of --truncate when the run was %s', (_what, failure) => {
    const shown = withTruncateHint(failure, ['copy', '--truncate']);
    expect(shown).toMatchObject({ code: failure.code, message: failure.message, context: failure.context });
    expect(shown.hint).toContain(failure.hint);
    expect(shown.hint).toContain(ADVICE);
  });

  test.each([
    ['without --truncate', ['copy'], new Interrupted('SIGINT')],
    ['when nothing was done', ['copy', '--truncate'], new MigrateError('TARGET_NOT_EMPTY')],
  ])('says nothing of it %s', (_what, argv, failure) => {
    expect(withTruncateHint(failure, argv)).toBe(failure);
  });
});
