/** What the embedding columns of the fixture are declared as. */
export type VectorType = 'ruvector(384)' | 'vector(384)' | 'real[]';

/** Writes rows of one COPY stream, a value at a time. Every row starts with `row`. */
export interface RowEncoder {
  row(columns: number): void;
  null(): void;
  text(value: string): void;
  int4(value: number): void;
  float8(value: number): void;
  jsonb(json: string): void;
  textArray(values: readonly string[]): void;
  /** Microseconds since 2000-01-01 00:00, PostgreSQL's epoch. */
  timestamp(micros: number): void;
  vector(values: Float32Array): void;
  /** Bytes written and not yet taken. */
  readonly size: number;
  /** Hands over what was written; the encoder goes on with an empty buffer. */
  take(): Buffer;
  /** Writes what ends the stream. */
  end(): void;
}
