import { describe, expect, it } from 'vitest';
import { canonicalType, isVectorLike, mapType, typeParts } from '../../src/plan/types.js';
import { catalog, child, column, decided, primary, spaced, table } from '../support/catalogs.js';

const rules = (types: Record<string, string>) => ({
  types: new Map(Object.entries(types)),
  columns: new Map<string, string>(),
  widenSerial: false,
});

describe('type names', () => {
  it.each([
    ['varchar(255)', 'character varying(255)'],
    ['public.ruvector(384)', 'ruvector(384)'],
    ['timestamp(3) with time zone', 'timestamp(3) with time zone'],
    ['timestamptz', 'timestamp with time zone'],
    ['int4[]', 'integer[]'],
    ['archive.level', 'archive.level'],
  ])('%s is %s', (written, canonical) => {
    expect(canonicalType(written)).toBe(canonical);
  });

  it('come apart into name, modifier and array', () => {
    expect(typeParts('numeric(10,2)[]')).toEqual({ base: 'numeric', modifier: '(10,2)', array: '[]' });
    expect(typeParts('"odd (name)"')).toEqual({ base: '"odd (name)"', modifier: '', array: '' });
  });

  it.each(['public.vector(3)', 'ruvector(384)', 'extensions.halfvec(3)', 'real[]', 'double precision[]'])(
    '%s is a vector',
    (type) => {
      expect(isVectorLike(type)).toBe(true);
    },
  );

  it.each(['text', 'integer[]', 'real', 'tsvector'])('%s is no vector', (type) => {
    expect(isVectorLike(type)).toBe(false);
  });
});

describe('mapped types', () => {
  it.each([
    [{ 'ruvector(384)': 'public.vector(384)' }, 'public.ruvector(384)', 'public.vector(384)'],
    [{ ruvector: 'public.vector' }, 'public.ruvector(384)', 'public.vector(384)'],
    [{ ruvector: 'public.vector' }, 'public.ruvector(384)[]', 'public.vector(384)[]'],
    [{ ruvector: 'real[]' }, 'public.ruvector(384)', 'real[]'],
    [{ 'character varying': 'text' }, 'character varying(255)', 'text'],
    [{ 'ruvector(3)': 'public.vector(3)' }, 'public.ruvector(384)', 'public.ruvector(384)'],
  ])('%j: %s becomes %s', (types, from, to) => {
    expect(mapType(from, rules(types as Record<string, string>))).toBe(to);
  });
});

describe('widened serial columns', () => {
  const source = catalog(
    [
      spaced('a'),
      child('b', 'a'),
      child('c', 'b'),
      table('d', [column('n', 'integer!')], [primary('d', 'n')]),
    ],
    {
      sequences: [
        {
          schema: 'public',
          name: 'a_id_seq',
          dataType: 'integer',
          start: '1',
          increment: '1',
          min: '1',
          max: '2147483647',
          cache: '1',
          cycle: false,
          ownedBy: { schema: 'public', name: 'a', column: 'id', kind: 'serial' },
        },
      ],
    },
  );
  const bigints = (widenSerial: boolean): string[] =>
    decided(source, { widenSerial }).tables.flatMap((one) =>
      one.columns
        .filter(({ targetType }) => targetType === 'bigint')
        .map(({ name }) => `${one.table}.${name}`),
    );

  it('take the columns that refer to them along, and nothing else', () => {
    expect(bigints(true)).toEqual(['a.id', 'b.parent_id']);
  });

  it('stay as they are unless asked for', () => {
    expect(bigints(false)).toEqual([]);
  });
});
