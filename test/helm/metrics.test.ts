import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fakeApp, post } from '../server/support.js';
import { makeExr } from '../support/exr-files.js';

const { app } = await fakeApp();
await app.inject(post(makeExr()));
const exposed = (await app.context.metrics.registry.metrics()).split('\n');
const names = new Set(exposed.flatMap((line) => /^([a-z_][a-z0-9_]*)[ {]/.exec(line)?.[1] ?? []));
const labels = new Set(
  exposed.flatMap((line) => [...line.matchAll(/[{,]([a-z_]+)="/g)].map(([, label]) => label as string)),
);
/** What Prometheus and the operator add to every series of a pod. */
const TARGET_LABELS = ['namespace', 'service', 'pod'];

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

/** Expressions and templates of the dashboard and of the rules. */
const EXPRESSIONS: readonly (readonly [file: string, expressions: readonly string[]])[] = [
  [
    'deploy/grafana/quietframe.json',
    [...read('deploy/grafana/quietframe.json').matchAll(/"(?:expr|query)": ("[^\n]*")/g)].map(
      ([, text]) => JSON.parse(text as string) as string,
    ),
  ],
  [
    'deploy/prometheus/rules.yaml',
    [...read('deploy/prometheus/rules.yaml').matchAll(/expr: (?:\|\n((?: {10}.*\n)+)|(.*)\n)/g)].map(
      ([, block, line]) => (block ?? line) as string,
    ),
  ],
  ['helm/quietframe/templates', [read('helm/quietframe/templates/scaledobject.yaml')]],
  ['helm/quietframe/templates', [read('helm/quietframe/templates/hpa.yaml')]],
];

/** Words of an expression that begin like the metrics of this service. */
function metricsOf(expression: string): string[] {
  return [...expression.matchAll(/\b(?:quietframe|process|nodejs)_[a-z0-9_]+\b/g)].map(([name]) => name);
}

function labelsOf(expression: string): string[] {
  const matched = [...expression.matchAll(/[{,]\s*([a-z_]+)\s*(?:=~|!~|!=|=)"/g)].map(
    ([, name]) => name as string,
  );
  const grouped = [...expression.matchAll(/\b(?:by|on) \(([^)]*)\)/g)].flatMap(([, list]) =>
    (list as string).split(',').map((name) => name.trim()),
  );
  return [...matched, ...grouped];
}

describe.each(EXPRESSIONS)('%s', (_, expressions) => {
  it('names only metrics that are exposed', () => {
    const used = expressions.flatMap(metricsOf);
    expect(used.length).toBeGreaterThan(0);
    expect(used.filter((name) => !names.has(name))).toEqual([]);
  });

  it('names only labels that they have', () => {
    const known = [...labels, ...TARGET_LABELS];
    expect(expressions.flatMap(labelsOf).filter((name) => !known.includes(name))).toEqual([]);
  });
});

it('sees every expression', () => {
  const counts = EXPRESSIONS.map(([, expressions]) => expressions.length);
  expect(counts.slice(0, 2)).toEqual([25 + 3, 10]);
});

it('ships a frame to test an installation with', async () => {
  const tiny = readFileSync(new URL('../../helm/quietframe/files/tiny.exr', import.meta.url));
  expect((await app.inject(post(tiny))).statusCode).toBe(200);
});

it('has the version of the package', () => {
  const { version } = JSON.parse(read('package.json')) as { version: string };
  expect(read('helm/quietframe/Chart.yaml')).toContain(`\nappVersion: ${version}\n`);
});
