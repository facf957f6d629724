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
  /** What was handed out and has not come back. */
  readonly #lent = new WeakSet<ArrayBufferLike>();
  readonly #limit: number;
  #bytes = 0;

  /** `limit`: bytes that may lie unused. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** A buffer of `size` bytes with whatever was in it. */
  take(size: number): Buffer {
    let taken = this.#free.get(size)?.pop();
    if (taken === undefined) taken = Buffer.allocUnsafeSlow(size);
    else this.#bytes -= size;
    this.#lent.add(taken.buffer);
    return taken;
  }

  /**
   * Takes back what nobody reads any more: a buffer from `take`, or the filled part of one from its beginning. Others
   * are left alone, and so is one that is given twice: zlib hands over the beginning of a buffer while it goes on
   * writing behind it.
   */
  give({ buffer, byteOffset }: Buffer): void {
    if (byteOffset !== 0 || !this.#lent.delete(buffer)) return;
    const size = buffer.byteLength;
    if (!isKept(size) || this.#bytes + size > this.#limit) return;
    const free = this.#free.get(size) ?? [];
    this.#free.set(size, free);
    free.push(Buffer.from(buffer as ArrayBuffer));
    this.#bytes += size;
  }
}
