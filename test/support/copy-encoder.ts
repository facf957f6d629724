/** A field's bytes as its type sends them; null is NULL. */
export type Field = Buffer | null;

/** A binary COPY stream, written from the format's description alone so that it can judge the parser. */
export function encodeBinary(
  rows: readonly (readonly Field[])[],
  extension: Buffer = Buffer.alloc(0),
): Buffer {
  return Buffer.concat([
    Buffer.from([0x50, 0x47, 0x43, 0x4f, 0x50, 0x59, 0x0a, 0xff, 0x0d, 0x0a, 0x00]),
    int32(0),
    int32(extension.length),
    extension,
    ...rows.map(encodeBinaryRow),
    int16(-1),
  ]);
}

export function encodeBinaryRow(fields: readonly Field[]): Buffer {
  return Buffer.concat([
    int16(fields.length),
    ...fields.flatMap((field) => (field === null ? [int32(-1)] : [int32(field.length), field])),
  ]);
}

export function encodeText(rows: readonly (readonly Field[])[]): Buffer {
  return Buffer.concat(rows.map(encodeTextRow));
}

export function encodeTextRow(fields: readonly Field[]): Buffer {
  const escapes = new Map([
    [8, 'b'],
    [9, 't'],
    [10, 'n'],
    [11, 'v'],
    [12, 'f'],
    [13, 'r'],
    [92, '\\'],
  ]);
  const columns = fields.map((field) => {
    if (field === null) return [0x5c, 0x4e];
    return [...field].flatMap((byte) => {
      const letter = escapes.get(byte);
      return letter === undefined ? [byte] : [0x5c, letter.charCodeAt(0)];
    });
  });
  return Buffer.from([...columns.flatMap((bytes, index) => (index === 0 ? bytes : [9, ...bytes])), 10]);
}

export function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

/** The pieces between the given offsets, in any order and with repetitions. */
export function cutAt(stream: Buffer, offsets: readonly number[]): Buffer[] {
  const cuts = [0, ...[...offsets].sort((left, right) => left - right), stream.length];
  return cuts.slice(1).map((end, index) => stream.subarray(cuts[index]!, end));
}
