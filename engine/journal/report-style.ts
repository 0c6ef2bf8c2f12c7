/** @file The report's style sheet. */

export const STYLE = `
:root{--ink:#1d2530;--soft:#667280;--line:#e2e6ea;--paper:#fff;--panel:#f6f8fa;--accent:#2f6fd6}
@media (prefers-color-scheme:dark){:root{--ink:#e3e8ee;--soft:#97a3b0;--line:#323b45;--paper:#14191f;--panel:#1b2129;--accent:#7aa7e0}}
*{box-sizing:border-box}
body{margin:0 auto;padding:2.5rem 1.5rem 4rem;max-width:1080px;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
h1{font-size:1.9rem;line-height:1.2;margin:0 0 .3rem;letter-spacing:-.01em}
h2{font-size:1.15rem;margin:2.6rem 0 .9rem;padding-bottom:.3rem;border-bottom:1px solid var(--line)}
.about{font-size:1.05rem;margin:.2rem 0;max-width:46rem}
.meta{color:var(--soft);margin:.2rem 0}
figure{margin:0}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(160px,1fr));gap:.8rem}
.tile{background:var(--panel);border:1px solid var(--line);border-radius:8px;padding:.7rem .9rem}
.tile .name{font-size:.85rem;font-weight:600;overflow-wrap:anywhere}
.tile .value{font-size:1.65rem;line-height:1.3;font-variant-numeric:tabular-nums}
.tile .before{font-size:.8rem;color:var(--soft)}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(300px,1fr));gap:1.4rem 1.2rem}
.chart figcaption{font-weight:600;font-size:.9rem}
.chart small{font-weight:400;color:var(--soft)}
.chart svg{width:100%;height:auto;display:block}
.chart text{font-size:10.5px;fill:var(--soft);font-variant-numeric:tabular-nums}
.chart .grid{stroke:var(--line);fill:none}
.chart .line{fill:none;stroke-width:1.5;stroke-linejoin:round}
.chart .band{opacity:.16}
.names{font-size:.8rem;color:var(--soft);display:flex;flex-wrap:wrap;gap:.1rem .9rem;padding-left:13%}
.names i{display:inline-block;width:.7em;height:.7em;border-radius:2px;margin-right:.35em}
.names b{color:var(--ink);font-weight:500;font-variant-numeric:tabular-nums}
.picture{margin-bottom:2rem}
.picture>figcaption{font-weight:600;font-size:.95rem;margin-bottom:.5rem}
.large img{width:100%;max-width:640px;image-rendering:pixelated;display:block;border-radius:4px}
.large svg{width:100%;max-width:560px;height:auto;display:block}
.page summary{margin:0 0 .5rem;font-size:.95rem}
.page[open] summary{font-weight:600;color:var(--ink)}
.page .large svg{max-width:640px}
.strip{display:grid;grid-template-columns:repeat(7,1fr);gap:.6rem;margin-top:.9rem}
.strip img{width:100%;image-rendering:pixelated;display:block;border-radius:3px}
.strip svg{width:100%;height:auto;display:block}
.strip figcaption{font-size:.75rem;color:var(--soft);text-align:center}
table{border-collapse:collapse;font-size:.88rem;width:100%}
th,td{padding:.28rem .7rem .28rem 0;border-bottom:1px solid var(--line);text-align:right;font-variant-numeric:tabular-nums;vertical-align:top}
th:first-child{text-align:left;font-weight:500}
thead th{color:var(--soft);font-weight:500}
.facts td{text-align:left;width:100%;overflow-wrap:anywhere}
.facts th{padding-right:2rem;color:var(--soft)}
.bar{width:35%;text-align:left}
.bar i{display:block;height:.55rem;margin-top:.4rem;background:var(--accent);border-radius:2px}
code,pre{font:12.5px/1.45 ui-monospace,Menlo,Consolas,monospace}
pre{background:var(--panel);border:1px solid var(--line);border-radius:6px;padding:.9rem;overflow:auto}
summary{cursor:pointer;color:var(--soft);margin-top:.8rem}
.strip text{display:none}
.drawing{margin-inline:calc(50% - min(50vw - 1.5rem,780px))}
.drawing svg{max-width:100%;height:auto;display:block;margin:0 auto}
@media print{body{max-width:none;padding:0;font-size:11pt}h2{break-after:avoid}.tile,.chart,.picture,tr{break-inside:avoid}details:not(.page){display:none}.drawing{margin-inline:0}}
`;
