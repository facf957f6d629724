/** What matters of SQL text to whoever only looks at its outline; blanks and operators are left out. */
export interface Token {
  readonly kind: 'word' | 'number' | 'string' | 'name' | 'comment' | 'parameter' | 'punctuation' | 'unclosed';
  readonly text: string;
  /** Offset of its first character. */
  readonly at: number;
  /** Parentheses that are open around it; a parenthesis itself stands outside of what it encloses. */
  readonly depth: number;
}

// PostgreSQL's manual, "Lexical Structure". Sticky, tried in this order.
const RULES: readonly (readonly [Token['kind'] | 'blank', RegExp])[] = [
  ['blank', /\s+/y],
  ['comment', /--[^\n]*/y],
  ['string', /[eE]'(?:[^'\\]|''|\\[\s\S])*'/y],
  ['string', /(?:[uU]&|[bBxXnN])?'(?:[^']|'')*'/y],
  ['string', /\$((?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?)\$[\s\S]*?\$\1\$/y],
  ['name', /(?:[uU]&)?"(?:[^"]|"")*"/y],
  ['parameter', /\$\d+/y],
  ['word', /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y],
  ['number', /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y],
  ['punctuation', /[();]/y],
  ['unclosed', /['"]|\$[A-Za-z_\u0080-\uffff]?[\w\u0080-\uffff]*\$/y],
  ['blank', /[\s\S]/y],
];

/** The end of a block comment, which may hold others; undefined: it is not closed. */
function endOfComment(text: string, at: number): number | undefined {
  const MARK = /\/\*|\*\//g;
  MARK.lastIndex = at;
  let depth = 0;
  for (let mark = MARK.exec(text); mark !== null; mark = MARK.exec(text)) {
    depth += mark[0] === '/*' ? 1 : -1;
    if (depth === 0) return MARK.lastIndex;
  }
  return undefined;
}

/** The tokens of SQL text, in order. What is never closed is one token of kind `unclosed`, and the last. */
export function* tokensOf(text: string): Generator<Token> {
  let at = 0;
  let depth = 0;
  while (at < text.length) {
    if (text.startsWith('/*', at)) {
      const end = endOfComment(text, at);
      yield { kind: end === undefined ? 'unclosed' : 'comment', text: text.slice(at, end), at, depth };
      if (end === undefined) return;
      at = end;
      continue;
    }
    const [kind, found] = match(text, at);
    if (found === ')') depth = Math.max(0, depth - 1);
    if (kind !== 'blank') yield { kind, text: found, at, depth };
    if (kind === 'unclosed') return;
    if (found === '(') depth += 1;
    at += found.length;
  }
}

function match(text: string, at: number): [Token['kind'] | 'blank', string] {
  for (const [kind, rule] of RULES) {
    rule.lastIndex = at;
    const found = rule.exec(text);
    if (found !== null) return [kind, found[0]];
  }
  return ['blank', text[at]!];
}
