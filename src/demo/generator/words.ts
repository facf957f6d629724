import type { Random } from './random.js';

const WORDS = `agent answer the of cache cluster column commit context copy cost data deploy digest edge error
  estimate feature for graph index insight is key latency learned memory merge migration model namespace node note
  observed on pattern plan prefers prompt query recall refactor release result retry review route row schema session
  shard slow snapshot step summary table task test token tool trace update user value vector verify when worker with
  größer mémoire 日本語 😀 "quoted" back\\slash`.split(/\s+/);

/** So many words of a small vocabulary that has quotes, a back-slash and characters of one to four bytes. */
export function words(random: Random, count: number): string {
  let text = '';
  for (let index = 0; index < count; index += 1)
    text += index === 0 ? random.pick(WORDS) : ` ${random.pick(WORDS)}`;
  return text;
}
