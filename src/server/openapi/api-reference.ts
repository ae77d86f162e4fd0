/** What of OpenAPI the reference shows. */
export interface OpenApiDocument {
  readonly info: { readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly components: Readonly<Record<string, Readonly<Record<string, unknown>>>> & {
    readonly schemas: Readonly<Record<string, Schema>>;
  };
}

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly oneOf?: readonly Schema[];
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
  readonly default?: unknown;
}

interface Parameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema?: Schema;
  readonly description?: string;
}

interface Answer {
  readonly description: string;
  readonly content?: Readonly<Record<string, unknown>>;
}

interface Operation {
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly unknown[];
  readonly requestBody?: { readonly content?: Readonly<Record<string, unknown>> };
  readonly responses: Readonly<Record<string, unknown>>;
}

const METHODS = ['get', 'put', 'post', 'delete', 'head'];

/**
 * The reference for an OpenAPI document, as Markdown with HTML's `<br>`.
 * @param introduction a paragraph after the heading.
 */
export function apiReference({ info, paths, components }: OpenApiDocument, introduction: string): string {
  const lines: string[] = [
    '# API reference',
    '',
    `Version ${info.version}. ${introduction}`,
    '',
    '| | | |',
    '|---|---|---|',
  ];
  const problems = new Map<string, { readonly status: string; readonly text: string }>();
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    METHODS.filter((method) => method in item).map((method) => {
      const operation = item[method] as Operation;
      const shared = (item.parameters ?? []) as readonly unknown[];
      const parameters = [...shared, ...(operation.parameters ?? [])].map((each) =>
        resolved<Parameter>(each, components),
      );
      return { title: `${method.toUpperCase()} ${path}`, operation, parameters };
    }),
  );
  for (const { title, operation } of operations) {
    const [method, path] = title.split(' ');
    lines.push(`| ${method} | [\`${path}\`](#${anchor(title)}) | ${cell(operation.summary)} |`);
  }
  for (const { title, operation, parameters } of operations) {
    lines.push('', `## ${title}`, '', (operation.description ?? `${operation.summary}.`).trim());
    if (parameters.length > 0) {
      lines.push('', '| parameter | in | | |', '|---|---|---|---|');
      for (const { name, in: where, required, schema, description } of parameters) {
        const names = `\`${name}\`${required ? ', required' : ''}`;
        lines.push(
          `| ${names} | ${where} | ${cell(typeOf(schema))} | ${cell(description ?? schema?.description ?? '')} |`,
        );
      }
    }
    const bodies = Object.keys(operation.requestBody?.content ?? {});
    if (bodies.length > 0) lines.push('', `Body: ${bodies.map((type) => code(type)).join(', ')}.`);
    lines.push('', '| status | |', '|---|---|');
    for (const [status, given] of Object.entries(operation.responses)) {
      const { description, content } = resolved<Answer>(given, components);
      const codes = problemsOf(description);
      for (const [name, text] of codes) problems.set(name, { status, text });
      const types = Object.keys(content ?? {}).map((type) => code(type));
      const shown = types.length === 0 ? cell(description) : `${cell(description)} (${types.join(', ')})`;
      lines.push(
        `| ${status} | ${codes.length > 0 ? codes.map(([name]) => code(name)).join(', ') : shown} |`,
      );
    }
  }
  if (problems.size > 0) lines.push('', '## Errors', '', '| code | status | |', '|---|---|---|');
  for (const [name, { status, text }] of [...problems].sort(([a], [b]) => (a < b ? -1 : 1))) {
    lines.push(`| ${code(name)} | ${status} | ${cell(text)} |`);
  }
  for (const [name, schema] of Object.entries(components.schemas)) {
    lines.push('', `## Schema ${name}`, '');
    if (schema.description !== undefined) lines.push(schema.description.trim(), '');
    lines.push('| field | | |', '|---|---|---|', ...fields(schema, ''));
  }
  return `${lines.join('\n')}\n`;
}

/** Codes and texts of the problems that the description of an answer lists, a paragraph each. */
function problemsOf(description: string): readonly (readonly [code: string, text: string])[] {
  return description.split('\n\n').flatMap((paragraph) => {
    const [, name, text] = /^`([a-z-]+)`: (.+)$/s.exec(paragraph) ?? [];
    return name === undefined || text === undefined ? [] : [[name, text] as const];
  });
}

/** Rows of the properties of a schema, those of objects within it with a dot. */
function fields(schema: Schema, prefix: string): readonly string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const path = `${prefix}${name}`;
    const required = schema.required?.includes(name) ? '' : ', optional';
    const row = `| \`${path}\` | ${cell(typeOf(property))}${required} | ${cell(property.description ?? '')} |`;
    const inner = property.type === 'array' ? property.items : property;
    return [row, ...fields(inner ?? {}, `${path}${property.type === 'array' ? '[]' : ''}.`)];
  });
}

function typeOf(schema: Schema | undefined): string {
  if (schema === undefined) return '';
  if (schema.$ref !== undefined) return schema.$ref.split('/').at(-1) ?? '';
  if (schema.const !== undefined) return code(schema.const);
  if (schema.enum !== undefined)
    return schema.enum.length > 12 ? 'one of the codes' : schema.enum.map((each) => code(each)).join(', ');
  const alternatives = schema.oneOf ?? schema.anyOf;
  if (alternatives !== undefined) return alternatives.map(typeOf).join(' or ');
  if (schema.type === 'array') return `list of ${typeOf(schema.items)}`;
  const type = Array.isArray(schema.type) ? schema.type.join(' or ') : (schema.type ?? '');
  const least = schema.minimum ?? schema.exclusiveMinimum;
  const most = schema.maximum ?? schema.exclusiveMaximum;
  const range =
    least !== undefined && most !== undefined
      ? ` from ${least} to ${most}`
      : least !== undefined
        ? `${schema.minimum === undefined ? ' above' : ' of at least'} ${least}`
        : '';
  const usual = schema.default === undefined ? '' : `, default ${code(schema.default)}`;
  return `${type}${range}${usual}`;
}

/** What a value refers to, or the value. */
function resolved<T>(value: unknown, components: OpenApiDocument['components']): T {
  const reference = (value as Schema).$ref;
  if (reference === undefined) return value as T;
  const [, , kind = '', name = ''] = reference.split('/');
  return components[kind]?.[name] as T;
}

function code(text: unknown): string {
  return `\`${typeof text === 'string' ? text : JSON.stringify(text)}\``;
}

function cell(text = ''): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, '<br>');
}

/** As Markdown's renderers make it of a heading. */
export function anchor(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
}
