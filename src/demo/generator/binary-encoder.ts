import type { RowEncoder, VectorType } from './row-encoder.js';

/** PostgreSQL, COPY, "Binary Format": signature, no flags, no header extension. */
const HEADER = Buffer.from('5047434f50590aff0d0a000000000000000000', 'hex');
const TEXT_OID = 25;
const FLOAT4_OID = 700;
const TWO_TO_32 = 0x1_0000_0000;

/** COPY's binary format, with embeddings as `vector` or `real[]`. */
export class CopyBinaryEncoder implements RowEncoder {
  readonly #vector: VectorType;
  #buffer: Buffer;
  #view: DataView;
  #at = 0;

  constructor(vector: VectorType, capacity = 1 << 19) {
    this.#vector = vector;
    this.#buffer = Buffer.alloc(0);
    this.#view = new DataView(new ArrayBuffer(0));
    this.#renew(capacity);
    this.#at = HEADER.copy(this.#buffer);
  }

  get size(): number {
    return this.#at;
  }

  take(): Buffer {
    const taken = this.#buffer.subarray(0, this.#at);
    // The taken bytes may still wait for the socket: they are not written over.
    this.#renew(this.#buffer.length);
    this.#at = 0;
    return taken;
  }

  end(): void {
    this.#int16(-1);
  }

  row(columns: number): void {
    this.#int16(columns);
  }

  null(): void {
    this.#int32(-1);
  }

  text(value: string): void {
    // No character of UTF-16 takes more than three bytes of UTF-8.
    this.#room(value.length * 3 + 4);
    const length = this.#buffer.write(value, this.#at + 4);
    this.#int32(length);
    this.#at += length;
  }

  int4(value: number): void {
    this.#int32(4);
    this.#int32(value);
  }

  float8(value: number): void {
    this.#int32(8);
    this.#room(8);
    this.#view.setFloat64(this.#at, value);
    this.#at += 8;
  }

  jsonb(json: string): void {
    this.#room(json.length * 3 + 5);
    const length = this.#buffer.write(json, this.#at + 5);
    this.#int32(length + 1);
    this.#buffer[this.#at] = 1;
    this.#at += length + 1;
  }

  textArray(values: readonly string[]): void {
    const start = this.#at;
    this.#int32(0);
    this.#int32(values.length === 0 ? 0 : 1);
    this.#int32(0);
    this.#int32(TEXT_OID);
    if (values.length > 0) {
      this.#int32(values.length);
      this.#int32(1);
      for (const value of values) this.text(value);
    }
    this.#view.setInt32(start, this.#at - start - 4);
  }

  timestamp(micros: number): void {
    this.#int32(8);
    this.#int32(Math.floor(micros / TWO_TO_32));
    this.#int32((micros % TWO_TO_32) | 0);
  }

  vector(values: Float32Array): void {
    if (this.#vector === 'real[]') this.#realArray(values);
    else this.#pgvector(values);
  }

  /** pgvector's vector_send: dimensions, an unused int16, then the elements. */
  #pgvector(values: Float32Array): void {
    this.#int32(4 + values.length * 4);
    this.#int16(values.length);
    this.#int16(0);
    this.#room(values.length * 4);
    for (const value of values) {
      this.#view.setFloat32(this.#at, value);
      this.#at += 4;
    }
  }

  /** array_send: dimensions, a flag for NULLs, the element's type, per dimension length and lower bound, elements. */
  #realArray(values: Float32Array): void {
    this.#int32(20 + values.length * 8);
    for (const part of [1, 0, FLOAT4_OID, values.length, 1]) this.#int32(part);
    this.#room(values.length * 8);
    for (const value of values) {
      this.#view.setInt32(this.#at, 4);
      this.#view.setFloat32(this.#at + 4, value);
      this.#at += 8;
    }
  }

  #int16(value: number): void {
    this.#room(2);
    this.#view.setInt16(this.#at, value);
    this.#at += 2;
  }

  #int32(value: number): void {
    this.#room(4);
    this.#view.setInt32(this.#at, value);
    this.#at += 4;
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const old = this.#buffer;
    this.#renew(Math.max(old.length * 2, this.#at + bytes));
    old.copy(this.#buffer, 0, 0, this.#at);
  }

  #renew(capacity: number): void {
    this.#buffer = Buffer.allocUnsafeSlow(capacity);
    this.#view = new DataView(this.#buffer.buffer, this.#buffer.byteOffset, capacity);
  }
}
