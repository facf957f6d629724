import { type Token, tokensOf } from './lexer.js';

/** What can be told of a statement from its text alone. */
export interface Outline {
  /** It begins like a statement that only reads. Whether it does, the server says: it runs in READ ONLY. */
  readonly reads: boolean;
  /** The whole result is sorted: an ORDER BY that stands in no parentheses. */
  readonly ordered: boolean;
  /** The whole result is cut: LIMIT, OFFSET or FETCH that stand in no parentheses. */
  readonly cut: boolean;
  /** The highest $N; 0: it takes no parameters. */
  readonly parameters: number;
}

const READS = new Set(['SELECT', 'WITH', 'VALUES', 'TABLE']);
const CUTS = new Set(['LIMIT', 'OFFSET', 'FETCH']);

export function outlineOf(text: string): Outline {
  const tokens = [...tokensOf(text)].filter(({ kind }) => kind !== 'comment');
  const words = tokens.map((token) => (token.kind === 'word' ? token.text.toUpperCase() : ''));
  const begin = words.find((_, at) => tokens[at]!.kind !== 'punctuation');
  const atTop = (at: number, word: string): boolean => words[at] === word && tokens[at]?.depth === 0;
  return {
    reads: READS.has(begin ?? ''),
    ordered: tokens.some((_, at) => atTop(at, 'ORDER') && atTop(at + 1, 'BY')),
    cut: tokens.some((token, at) => token.depth === 0 && CUTS.has(words[at]!)),
    parameters: Math.max(0, ...tokens.filter(isParameter).map((token) => Number(token.text.slice(1)))),
  };
}

const isParameter = ({ kind }: Token): boolean => kind === 'parameter';
