/**
 * The page's only style sheet. Verdict colours keep 4.5:1 against their ground in both schemes and differ in
 * lightness as well as hue (bluish green, vermilion and indigo stay apart in the common colour-vision deficiencies);
 * every one of them also has a sign.
 */
const LIGHT = `--ground:#fff;--raised:#f5f6f8;--line:#d9dce1;--text:#1b1f24;--soft:#57606a;--link:#0b57a4;
--match:#08704f;--match-bar:#23a47c;--match-tint:#e3f4ed;--mismatch:#b3380b;--mismatch-bar:#cf4a15;--mismatch-tint:#fdece4;
--inconclusive:#4f46a5;--inconclusive-bar:#6a61c9;--inconclusive-tint:#eceafb;--on-bar:#fff;
--source:#3b7dc4;--target:#8a94a3;--drill:#cf4a15`;
const DARK = `--ground:#14171b;--raised:#1d2127;--line:#363c45;--text:#e8eaed;--soft:#a2abb6;--link:#7db7f5;
--match:#5fd6ab;--match-bar:#2f9f7a;--match-tint:#17322a;--mismatch:#ff9a70;--mismatch-bar:#e8632c;--mismatch-tint:#3d2117;
--inconclusive:#b7b0ff;--inconclusive-bar:#8d84ee;--inconclusive-tint:#2a2745;--on-bar:#14171b;
--source:#5b9be0;--target:#7d8794;--drill:#e8632c`;

const LAYOUT = `
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--text);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main,footer{max-width:1120px;margin:0 auto;padding:0 24px}
header p.kicker{margin:28px 0 10px;color:var(--soft);font-size:13px;letter-spacing:.02em}
.verdict{border:1px solid var(--line);border-left-width:8px;border-radius:8px;padding:18px 22px}
.verdict h1{margin:0 0 6px;font-size:28px;line-height:1.2;text-transform:capitalize}
.verdict p{margin:0;font-size:18px;max-width:75ch}.verdict ul{margin:10px 0 0;padding-left:20px;color:var(--soft)}
.verdict.match{border-color:var(--match);background:var(--match-tint)}.verdict.match h1{color:var(--match)}
.verdict.mismatch{border-color:var(--mismatch);background:var(--mismatch-tint)}.verdict.mismatch h1{color:var(--mismatch)}
.verdict.inconclusive{border-color:var(--inconclusive);background:var(--inconclusive-tint)}.verdict.inconclusive h1{color:var(--inconclusive)}
.verdict ul{color:inherit}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(112px,1fr));gap:12px;margin:16px 0 0;padding:0;list-style:none}
.tiles li{border:1px solid var(--line);border-radius:8px;padding:12px 14px;background:var(--raised)}
.tiles .big{display:block;font-size:24px;line-height:1.25;font-weight:600;font-variant-numeric:tabular-nums}
.tiles li:first-child{grid-column:span 2}.tiles .label{color:var(--soft);font-size:13px}.tiles .sub{display:block;font-size:13px}
.tiles .match{color:var(--match)}.tiles .mismatch{color:var(--mismatch)}.tiles .inconclusive{color:var(--inconclusive)}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(250px,1fr));gap:10px 24px;margin:20px 0 0}
dl div{min-width:0}dl .wide{grid-column:span 2}dl .wide .mono{font-size:12.5px}dt{color:var(--soft);font-size:13px}dd{margin:0;overflow-wrap:anywhere}
h2{font-size:20px;margin:40px 0 8px;padding-bottom:6px;border-bottom:1px solid var(--line)}
h3{font-size:15px;margin:0;display:flex;gap:10px;align-items:baseline;flex-wrap:wrap}
article{margin:20px 0 28px;scroll-margin-top:12px}article p{margin:4px 0}
a{color:var(--link)}
.note{color:var(--soft);font-size:13px;margin:4px 0}
.name,code{overflow-wrap:anywhere}
.name,code,.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.92em}
.badge{display:inline-block;white-space:nowrap;font-size:12.5px;font-weight:600;padding:1px 9px 1px 7px;border-radius:999px;font-family:inherit}
.badge.match{color:var(--match);background:var(--match-tint)}
.badge.mismatch{color:var(--mismatch);background:var(--mismatch-tint)}
.badge.inconclusive{color:var(--inconclusive);background:var(--inconclusive-tint)}
.scroll{overflow-x:auto;margin:10px 0}
table{border-collapse:collapse;width:100%;font-size:14px}
caption{text-align:left;color:var(--soft);font-size:13px;padding:0 0 4px}
th,td{text-align:left;vertical-align:top;padding:6px 12px 6px 0;border-bottom:1px solid var(--line)}
thead th{font-size:13px;color:var(--soft);font-weight:600;white-space:nowrap}
tbody th{font-weight:500;min-width:10em}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
th:last-child,td:last-child{padding-right:0}
td svg{display:block;margin-top:6px;max-width:100%}
rect.source{fill:var(--source)}rect.target{fill:var(--target)}rect.drill{fill:var(--drill)}
.key{display:inline-block;margin-right:10px}code{background:var(--raised);border-radius:4px;padding:1px 5px}
.kind{white-space:nowrap}.kind b{display:inline-block;min-width:1.1em;text-align:center;color:var(--mismatch)}
.kinds{list-style:none;display:flex;flex-wrap:wrap;gap:2px 24px;margin:8px 0;padding:0;color:var(--soft);font-size:13px}
.kinds .kind{color:var(--text);font-weight:600}
.legend{display:flex;flex-wrap:wrap;gap:4px 20px;margin:8px 0 14px;font-size:13px;color:var(--soft)}
.legend span{display:inline-flex;gap:5px;align-items:flex-end}
.legend b{width:12px;height:12px;align-self:center}.legend b.source{background:var(--source)}.legend b.target{background:var(--target)}.legend b.drill{background:var(--drill)}
.row{display:grid;grid-template-columns:1fr auto;gap:2px 16px;align-items:baseline;padding:9px 0;break-inside:avoid}
.row .note{margin:0;text-align:right}.row .cells{grid-column:1/-1}
.cells{display:flex;flex-wrap:wrap;gap:var(--rows,var(--gap)) var(--gap)}
.map i{display:block;width:var(--w);height:var(--h);position:relative;border-radius:2px;background:var(--match-tint);font-style:normal;text-align:center;overflow:hidden}
.large{--w:30px;--h:30px;--gap:3px;--sign:16px}.medium{--rows:4px;--w:14px;--h:22px;--gap:2px;--sign:12px}.small{--rows:4px;--w:8px;--h:15px;--gap:1px;--sign:8px}.small i.q{box-shadow:inset 0 0 0 1px var(--inconclusive-bar)}
.map .legend i{--w:14px;--h:18px;--sign:12px}
.map i.m{background:linear-gradient(var(--match-bar),var(--match-bar)) bottom/100% var(--fill) no-repeat,var(--match-tint)}
.map i.x{background:var(--mismatch-bar)}
.map i.q{background:var(--inconclusive-tint);box-shadow:inset 0 0 0 2px var(--inconclusive-bar)}
.map i.x::before,.map i.q::before{font-size:var(--sign);line-height:var(--h);font-weight:700}
.map i.x::before{content:"✕";color:var(--on-bar)}
.map i.q::before{content:"?";color:var(--inconclusive)}
footer{margin-top:40px;padding-top:12px;padding-bottom:32px;color:var(--soft);font-size:13px}
footer p{margin:4px 0;overflow-wrap:anywhere}
@media (max-width:640px){dl .wide{grid-column:auto}main,footer{padding:0 14px}.row{grid-template-columns:1fr}.row .note{text-align:left}.large{--w:20px;--h:22px;--gap:2px;--sign:13px}}
`;

const PRINT = `
@page{margin:14mm 12mm}
html{-webkit-print-color-adjust:exact;print-color-adjust:exact}
body{font-size:10pt}main,footer{max-width:none;padding:0}
a{color:inherit;text-decoration:none}
.scroll{overflow:visible}
h2,h3,caption,.legend,.kinds{break-after:avoid}tr,.tiles li,dl div,.verdict{break-inside:avoid}thead{display:table-header-group}
header p.kicker{margin-top:0}.verdict h1{font-size:20pt}.verdict p{font-size:12pt}
.tiles{grid-template-columns:repeat(auto-fit,minmax(68px,1fr));gap:6px}.tiles li{padding:6px 8px}.tiles .big{font-size:13pt}.tiles .sub,.tiles .label{font-size:8pt}
dl{grid-template-columns:repeat(auto-fit,minmax(150px,1fr))}dl .wide .mono{font-size:8pt}h2{margin-top:22px}
table{font-size:9pt}th,td{padding:4px 8px 4px 0}thead th,caption,.badge{font-size:8pt}
.large{--w:18px;--h:18px;--gap:2px;--sign:11px}.medium{--w:9px;--h:15px;--gap:1px;--sign:8px}.small{--w:5px;--h:10px;--gap:1px;--sign:6px}
`;

const heights = Array.from({ length: 11 }, (_, step) => `.h${step}{--fill:${step * 10}%}`).join('');

/** On paper the light scheme holds whatever the screen has. */
export const STYLE = `:root{color-scheme:light dark;${LIGHT}}
@media screen and (prefers-color-scheme:dark){:root{${DARK}}}${LAYOUT}${heights}
@media print{${PRINT}}
`;
