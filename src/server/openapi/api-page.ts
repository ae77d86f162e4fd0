import { createHash } from 'node:crypto';
import { parse, Renderer, type Tokens } from 'marked';
import { anchor, apiReference, type OpenApiDocument } from './api-reference.js';

/** A page and the headers that it is sent with. */
export interface Page {
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
}

const INTRODUCTION =
  'Made from [openapi.json](openapi.json), which programs read. The [viewer](./) denoises in the browser.';

const STYLE = `
:root {
  color-scheme: light dark;
  font: 15px / 1.5 system-ui, sans-serif;
  background: light-dark(#f4f4f2, #1b1c1e);
  color: light-dark(#1d1e20, #e8e8e6);
  scroll-padding-top: 1rem;
}
body { max-width: 64rem; margin: 0 auto; padding: 1rem; }
h2 { margin-top: 3rem; font-size: 1.2rem; overflow-wrap: anywhere; }
a { color: light-dark(#0b62b8, #6cb2ff); }
:target { outline: 2px solid light-dark(#0b62b8, #6cb2ff); outline-offset: 4px; }
code { font: 0.9em ui-monospace, monospace; overflow-wrap: anywhere; }
.table { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: 4px 8px; border-bottom: 1px solid light-dark(#c9c9c4, #404348); text-align: left; vertical-align: top; }
thead:not(:has(th:not(:empty))) { display: none; }
`;

/** Nothing but the page's own style is used, and nothing is asked for. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The reference of an interface for people: one page without scripts, light or dark as the reader has it. */
export function apiPage(document: OpenApiDocument): Page {
  const body = parse(apiReference(document, INTRODUCTION), { async: false, renderer: new PageRenderer() });
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>quietframe: API reference</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<main>
${body}</main>
</body>
</html>
`;
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': CONTENT_SECURITY_POLICY,
    'cache-control': 'no-cache',
  };
  return { html, headers };
}

/** Headings that can be linked to, and tables that scroll by themselves on narrow screens. */
class PageRenderer extends Renderer {
  override heading({ tokens, depth, text }: Tokens.Heading): string {
    return `<h${depth} id="${anchor(text)}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
  }

  override table(token: Tokens.Table): string {
    return `<div class="table" tabindex="0">${super.table(token)}</div>\n`;
  }
}
