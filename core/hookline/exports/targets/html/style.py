"""The look of the HTML export, on screens and on paper, and the policy that allows nothing else."""

from __future__ import annotations

import base64
import hashlib

STYLE = """
:root { color-scheme: light dark; --ink: #1d2733; --soft: #55616f; --paper: #fff; --card: #f5f7f9;
  --line: #cdd5dd; --accent: #0b5cad; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e6e6; --soft: #aab4be; --paper: #1c2022;
  --card: #262c30; --line: #454e56; --accent: #7ab8f5; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0 auto; max-width: 88rem; padding: 1.5rem; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
a { color: var(--accent); }
h1 { margin: 0; font-size: 1.7rem; }
h2 { margin: 3rem 0 .5rem; padding-top: 1.25rem; border-top: 1px solid var(--line); font-size: 1.35rem;
  overflow-wrap: anywhere; }
h2 code { font-size: .7em; font-weight: 400; }
h3 { margin: 1.75rem 0 .5rem; font-size: 1rem; }
code, pre { font-family: ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; font-size: .875em; }
code { padding: .05em .3em; background: var(--card); border-radius: 4px; overflow-wrap: anywhere; }
pre { margin: 0; padding: .75rem 1rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 8px; white-space: pre-wrap; overflow-wrap: anywhere; }
figure { margin: 0 0 .9rem; }
figcaption { margin-bottom: .25rem; color: var(--soft); font-size: .9rem; }
details { margin: .5rem 0; }
summary { cursor: pointer; color: var(--accent); margin-bottom: .4rem; }
.wide { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .925rem; }
th, td { padding: .4rem .6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { color: var(--soft); font-weight: 600; }
td { overflow-wrap: break-word; max-width: 22rem; }
td code { overflow-wrap: break-word; }
td:last-child { min-width: 14rem; max-width: none; }
.soft { color: var(--soft); }
.kind { display: inline-block; margin: 0 .4rem .3rem 0; padding: .05rem .55rem; border: 1px solid var(--line);
  border-radius: 99px; color: var(--soft); font-size: .82rem; }
nav ul { margin: .25rem 0 1rem; padding: 0; list-style: none; }
nav li { padding: .12rem 0; overflow-wrap: anywhere; }
nav a { text-decoration: none; }
nav a:hover, nav a:focus-visible { text-decoration: underline; }
nav strong { display: block; overflow-wrap: anywhere; }
@media (min-width: 64rem) {
  .page { display: grid; grid-template-columns: 16rem minmax(0, 1fr); gap: 3rem; }
  nav { position: sticky; top: 0; align-self: start; max-height: 100vh; overflow-y: auto;
    padding-top: 1.5rem; }
}
@media print {
  :root { --ink: #000; --soft: #333; --paper: #fff; --card: #fff; --line: #999; --accent: #000; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  .page { display: block; }
  nav { position: static; max-height: none; columns: 2; }
  section.action { break-before: page; }
  h2, h3, figcaption { break-after: avoid; }
  tr, figure { break-inside: avoid; }
  details { display: none; }
}
"""
POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'"
)
