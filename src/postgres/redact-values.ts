import type { ServerFields } from './sqlstate.js';

const FIELDS = ['schema', 'table', 'column', 'constraint', 'dataType'] as const;

/** Whole messages whose quoted words are names alone; also as Citus passes them on from a worker, without fields. */
const NAMES_ALONE: readonly RegExp[] = [
  /^duplicate key value violates unique constraint "[^"]*"$/,
  /^conflicting key value violates exclusion constraint "[^"]*"$/,
  /^new row for relation "[^"]*" violates check constraint "[^"]*"$/,
  /^null value in column "[^"]*" of relation "[^"]*" violates not-null constraint$/,
  /^insert or update on table "[^"]*" violates foreign key constraint "[^"]*"$/,
  /^update or delete on table "[^"]*" violates foreign key constraint "[^"]*" on table "[^"]*"$/,
  /^missing data for column "[^"]*"$/,
];

/** Quotation marks of the server's languages (lc_messages); an apostrophe is none of them. */
const QUOTED = /["„“”«»](?:[\s\S]*["„“”«»]|[\s\S]*$)/;

/** Stands around the number of a name while values are taken out: for private use, so in no message. */
const MARK = '\uE000';

/** Bytes of a text that is not in the server's encoding. */
const BYTES = /(?:0x[0-9a-f]{2}\s*)+/g;

/**
 * The message of an error about data (SQLSTATE classes 22 and 23) without anything that may be a value. Quoted words
 * stay where they are names that the error's own fields give; everything from the first other quotation mark to the
 * last goes, because a value may itself hold quotation marks.
 */
export function withoutValues(fields: ServerFields): string {
  const { message = '', routine } = fields;
  // RAISE in a function of the user's: its text may have a value in it, with no quotation marks around.
  if (routine === 'exec_stmt_raise') return 'a function raised an exception, whose text may hold values';
  if (NAMES_ALONE.some((known) => known.test(message))) return message;
  const names = FIELDS.flatMap((field) => (fields[field] ? [`"${fields[field]}"`] : []));
  const hidden = names.reduce(
    (text, name, index) => text.replaceAll(name, `${MARK}${index}${MARK}`),
    message,
  );
  return hidden
    .replace(QUOTED, '…')
    .replace(BYTES, '…')
    .replace(new RegExp(`${MARK}(\\d+)${MARK}`, 'g'), (_, index: string) => names[Number(index)] ?? '…')
    .replace(/\(.*\)=\(.*\)/s, '…')
    .replace(/:\s*…$/, '');
}
