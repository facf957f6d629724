import type { Verdict } from '../../core/verification.js';
import { html, type Markup } from './markup.js';

/** A sign for each verdict, so that it never depends on colour. */
export const SIGN: Readonly<Record<Verdict, string>> = { match: '✓', mismatch: '✕', inconclusive: '?' };

/** A verdict as sign and word in its colour. */
export function badge(verdict: Verdict): Markup {
  return html`<span class="badge ${verdict}"><b aria-hidden="true">${SIGN[verdict]}</b> ${verdict}</span>`;
}
