/**
 * The API document as a page for people: plain HTML, made here, without a script and without anything from elsewhere. The usual
 * viewers were rejected: each is a megabyte of script that would have to be allowed to run.
 */
import { createHash } from 'node:crypto';
import type { Answer, ApiDocument, Content, Operation, Parameter } from './api-document.ts';
import { type Schema, typeText } from './schema-text.ts';

const style = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
body { max-width: 62rem; margin: 0 auto; padding: 1rem }
nav ul { columns: 16rem; padding-left: 1.2rem }
h2 { margin-top: 2.5rem; border-bottom: 1px solid #8886 }
details { border: 1px solid #8886; border-radius: .4rem; margin: .5rem 0; padding: .4rem .8rem }
summary { cursor: pointer }
summary b { display: inline-block; min-width: 4.5rem }
code, pre { font: .875rem/1.45 ui-monospace, monospace }
pre { overflow: auto; max-height: 24rem; padding: .6rem; background: #8881; border-radius: .3rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid #8883 }
`;

/** What of the page may run or load: its own style, known by its hash, and nothing else. */
export const pagePolicy: string = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export function apiPage(document: ApiDocument): string {
  const { info, paths, components } = document;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const tags = [...new Set(operations.map(({ operation }) => operation.tags?.[0] ?? 'other'))].sort();
  const groups = tags.map((tag) => {
    const own = operations.filter(({ operation }) => (operation.tags?.[0] ?? 'other') === tag);
    return `<h2 id="${text(tag)}">${text(tag)}</h2>\n${own.map(operationHtml).join('\n')}`;
  });
  const shapes = Object.entries(components.schemas).map(([name, schema]) => schemaHtml(name, schema));
  const failures = Object.entries(components.responses).map(
    ([code, answer]) =>
      `<tr id="error-${text(code)}"><td><code>${text(code)}</code><td>${problemText(answer)}</tr>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${text(info.title)} API</title><style>${style}</style></head><body>
<header><h1>${text(info.title)} API</h1><p>${text(info.description ?? '')}
For programs: <a href="openapi.json">openapi.json</a>.</p></header>
<nav aria-label="Groups"><ul>${[...tags, 'errors', 'shapes'].map((tag) => `<li><a href="#${text(tag)}">${text(tag)}</a>`).join('')}</ul></nav>
<main>
${groups.join('\n')}
<h2 id="errors">errors</h2><table><tr><th>Code<th>Meaning</tr>${failures.join('')}</table>
<h2 id="shapes">shapes</h2>
${shapes.join('\n')}
</main></body></html>
`;
}

interface Placed {
  readonly path: string;
  readonly method: string;
  readonly operation: Operation;
}

function operationHtml({ path, method, operation }: Placed): string {
  const { operationId, summary = '', parameters = [], requestBody, responses } = operation;
  const body = requestBody ? `<h4>Body</h4>${contentHtml(requestBody.content, true)}` : '';
  const answers = Object.entries(responses).map(([status, answer]) => answerHtml(status, answer));
  return `<details id="${text(operationId)}"><summary><b>${method.toUpperCase()}</b> <code>${text(path)}</code> ${text(summary)}</summary>
<p><code>${text(operationId)}</code></p>${parametersHtml(parameters)}${body}
<h4>Answers</h4>${answers.join('')}</details>`;
}

function parametersHtml(parameters: readonly Parameter[]): string {
  if (parameters.length === 0) return '';
  const rows = parameters.map(({ name, in: place, required, description, schema = {} }) => {
    const preset = schema.default === undefined ? '' : ` = ${JSON.stringify(schema.default)}`;
    return `<tr><td><code>${text(name)}</code>${required ? '' : ' (may be absent)'}<td>${place}<td><code>${text(typeText(schema) + preset)}</code> ${text(description ?? schema.description ?? '')}</tr>`;
  });
  return `<table><tr><th>Parameter<th>In<th>Type</tr>${rows.join('')}</table>`;
}

function answerHtml(status: string, { $ref, description = '', content }: Answer): string {
  if ($ref) {
    const code = $ref.slice($ref.lastIndexOf('/') + 1);
    return `<p><b>${text(status)}</b> <a href="#error-${text(code)}">${text(code)}</a></p>`;
  }
  return `<p><b>${text(status)}</b> ${text(description)}</p>${content && status !== 'default' ? contentHtml(content, false) : ''}`;
}

function contentHtml(content: Readonly<Record<string, Content>>, asked: boolean): string {
  return Object.entries(content)
    .map(([type, { schema = {}, example }]) => {
      const shown = example === undefined ? '' : `<pre>${text(JSON.stringify(example, undefined, 2))}</pre>`;
      return `<p>${text(type)} <code>${text(typeText(schema, asked))}</code></p>${shown}`;
    })
    .join('');
}

function schemaHtml(name: string, schema: Schema): string {
  const why = schema.description ? `<p>${text(schema.description)}</p>` : '';
  return `<details id="shape-${text(name)}"><summary><code>${text(name)}</code></summary>${why}<pre>${text(typeText(schema).replaceAll('; ', ';\n  '))}</pre></details>`;
}

function problemText({ content }: Answer): string {
  const example = content?.['application/problem+json']?.example as
    | { detail?: string; status?: number }
    | undefined;
  return `${example?.status ?? ''} ${text(example?.detail ?? '')}`;
}

function text(value: string): string {
  return value.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
