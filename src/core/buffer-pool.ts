/** Sizes that are kept: powers of two between these. */
export const SMALLEST_BUFFER = 4 * 1024;
export const LARGEST_BUFFER = 256 * 1024;

const isKept = (size: number): boolean =>
  size >= SMALLEST_BUFFER && size <= LARGEST_BUFFER && (size & (size - 1)) === 0;

/**
 * Buffers that are filled again instead of being left to the collector, which lets tens of megabytes pile up per
 * thread before it looks, and whose fresh pages cost the kernel a fault each. Not to be shared between threads.
 */
export class BufferPool {
  readonly #free = new Map<number, Buffer[]>();
  readonly #limit: number;
  #bytes = 0;

  /** `limit`: bytes that may lie unused. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** A buffer of `size` bytes with whatever was in it. */
  take(size: number): Buffer {
    const free = this.#free.get(size)?.pop();
    if (free === undefined) return Buffer.allocUnsafeSlow(size);
    this.#bytes -= size;
    return free;
  }

  /** Takes back what nobody reads any more: a buffer from `take`, or the filled part of one from its beginning. */
  give({ buffer, byteOffset }: Buffer): void {
    const size = buffer.byteLength;
    if (byteOffset !== 0 || !isKept(size) || this.#bytes + size > this.#limit) return;
    const free = this.#free.get(size) ?? [];
    this.#free.set(size, free);
    free.push(Buffer.from(buffer as ArrayBuffer));
    this.#bytes += size;
  }
}
