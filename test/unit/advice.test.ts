import { describe, expect, test } from 'vitest';
import { Interrupted, withAdvice } from '../../src/cli/frame/failure.js';
import { MigrateError } from '../../src/core/errors.js';

const ADVICE = 'With --truncate it would start over; without, it goes on.';

describe('the hint to repeat a command', () => {
  test.each([
    ['interrupted', new Interrupted('SIGINT')],
    ['lost', new MigrateError('CONNECTION_LOST')],
  ])('has what the command advised when the run was %s', (_what, failure) => {
    const shown = withAdvice(failure, [ADVICE]);
    expect(shown).toMatchObject({ code: failure.code, message: failure.message, context: failure.context });
    expect(shown.hint).toBe(`${failure.hint} ${ADVICE}`);
  });

  test.each([
    ['when nothing was advised', [], new Interrupted('SIGINT')],
    ['when repeating is not the advice', [ADVICE], new MigrateError('TARGET_NOT_EMPTY')],
  ])('says nothing more %s', (_what, advice, failure) => {
    expect(withAdvice(failure, advice)).toBe(failure);
  });
});
