import { html, type Markup, type Part } from './markup.js';

export interface Column {
  readonly header: string;
  readonly number?: boolean;
}

/** A table whose first column heads its rows. Cells are in the order of the columns. */
export function grid(
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly Part[])[],
): Markup {
  const kind = (index: number): Markup | false => columns[index]!.number === true && html` class="n"`;
  return html`<div class="scroll" role="region" tabindex="0" aria-label="${caption}"><table>
<caption>${caption}</caption>
<thead><tr>${columns.map(({ header }, index) => html`<th scope="col"${kind(index)}>${header}</th>`)}</tr></thead>
<tbody>
${rows.map(
  (row) =>
    html`<tr>${row.map((part, index) =>
      index === 0 ? html`<th scope="row"${kind(0)}>${part}</th>` : html`<td${kind(index)}>${part}</td>`,
    )}</tr>
`,
)}</tbody>
</table></div>
`;
}
