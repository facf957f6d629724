import { describe, expect, it } from 'vitest';
import { BufferPool } from '../../src/core/buffer-pool.js';

describe('a pool of buffers', () => {
  it('hands a buffer out again once it was given back, whole, though only a part was filled', () => {
    const pool = new BufferPool(1 << 20);
    const first = pool.take(8192);
    expect(pool.take(8192).buffer).not.toBe(first.buffer);
    pool.give(first.subarray(0, 100));
    const again = pool.take(8192);
    expect(again.buffer).toBe(first.buffer);
    expect(again.length).toBe(8192);
  });

  it('hands out no buffer twice', () => {
    const pool = new BufferPool(1 << 20);
    pool.give(pool.take(4096));
    expect(pool.take(4096).buffer).not.toBe(pool.take(4096).buffer);
  });

  it('takes back neither what it has not handed out nor the same buffer twice', () => {
    const pool = new BufferPool(1 << 20);
    const strange = Buffer.allocUnsafeSlow(8192);
    pool.give(strange.subarray(0, 100));
    const own = pool.take(8192);
    expect(own.buffer).not.toBe(strange.buffer);
    pool.give(own);
    pool.give(own);
    expect(pool.take(8192).buffer).toBe(own.buffer);
    expect(pool.take(8192).buffer).not.toBe(own.buffer);
  });

  it('keeps no more than its limit', () => {
    const pool = new BufferPool(8192);
    const taken = [pool.take(8192), pool.take(8192)];
    for (const buffer of taken) pool.give(buffer);
    expect(pool.take(8192).buffer).toBe(taken[0]!.buffer);
    expect(pool.take(8192).buffer).not.toBe(taken[1]!.buffer);
  });

  it('keeps neither a part that is not at the beginning nor a size that nobody asks for', () => {
    const pool = new BufferPool(1 << 20);
    const whole = pool.take(8192);
    pool.give(whole.subarray(1));
    pool.give(Buffer.allocUnsafeSlow(5000));
    expect(pool.take(8192).buffer).not.toBe(whole.buffer);
    expect(pool.take(5000).length).toBe(5000);
  });
});
