import type { RowEncoder, VectorType } from './row-encoder.js';

/** 2000-01-01 00:00 UTC in milliseconds since 1970. */
const EPOCH_MS = 946_684_800_000;

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };

/** COPY's text format: for types whose binary form is not known here. */
export class CopyTextEncoder implements RowEncoder {
  readonly #vector: VectorType;
  #text = '';
  #inRow = false;
  #first = true;

  constructor(vector: VectorType) {
    this.#vector = vector;
  }

  get size(): number {
    return this.#text.length;
  }

  take(): Buffer {
    const taken = Buffer.from(this.#text);
    this.#text = '';
    return taken;
  }

  end(): void {
    if (this.#inRow) this.#text += '\n';
    this.#inRow = false;
  }

  row(): void {
    this.end();
    this.#inRow = true;
    this.#first = true;
  }

  null(): void {
    this.#field('\\N');
  }

  text(value: string): void {
    this.#field(value.replaceAll(/[\\\t\n\r]/g, (character) => ESCAPES[character]!));
  }

  int4(value: number): void {
    this.#field(String(value));
  }

  float8(value: number): void {
    this.#field(String(value));
  }

  jsonb(json: string): void {
    this.text(json);
  }

  textArray(values: readonly string[]): void {
    this.text(`{${values.map((value) => `"${value.replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`);
  }

  timestamp(micros: number): void {
    const seconds = new Date(EPOCH_MS + Math.floor(micros / 1e6) * 1000).toISOString().slice(0, 19);
    this.#field(`${seconds.replace('T', ' ')}.${String(micros % 1e6).padStart(6, '0')}`);
  }

  vector(values: Float32Array): void {
    this.#field(this.#vector === 'real[]' ? `{${values.join(',')}}` : `[${values.join(',')}]`);
  }

  #field(text: string): void {
    this.#text += this.#first ? text : `\t${text}`;
    this.#first = false;
  }
}
