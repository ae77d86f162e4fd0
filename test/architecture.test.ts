import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = new URL('../', import.meta.url);

/**
 * The law of imports: for each folder (or file of the root) of src, all that it may import. A line `a, b -> c -> d` of
 * docs/architecture.md allows each name what follows the next arrow, and what that is allowed in turn.
 */
const MAY_IMPORT: ReadonlyMap<string, ReadonlySet<string>> = readLaw();

function readLaw(): Map<string, Set<string>> {
  const page = readFileSync(new URL('docs/architecture.md', ROOT), 'utf8');
  const law = /## Imports[\s\S]*?```text\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  const allowed = new Map<string, Set<string>>();
  for (const line of law.trim().split('\n')) {
    const steps = line.split('->').map((names) => names.split(',').map((name) => name.trim()));
    for (const name of steps.flat()) if (!allowed.has(name)) allowed.set(name, new Set());
    steps.forEach((names, i) => {
      for (const name of names) for (const target of steps[i + 1] ?? []) allowed.get(name)?.add(target);
    });
  }
  for (const targets of allowed.values()) {
    // A set that grows while it is walked: its new members are walked as well.
    for (const target of targets) for (const further of allowed.get(target) ?? []) targets.add(further);
  }
  return allowed;
}

/** Packages, and the only files of src that may import them. */
const IMPORTERS: Readonly<Record<string, RegExp>> = {
  'onnxruntime-node': /^engine\/onnxruntime\//,
  fastify: /^server\//,
  '@fastify/': /^server\//,
  '@connectrpc/': /^server\/rpc\//,
  '@tensorflow/': /^engine\/tfjs\//,
  '@bufbuild/': /^(server\/(rpc|gen)\/|engine\/(gen\/|onnx-(file|graph)\.ts$))/,
  busboy: /^server\//,
  marked: /^server\/openapi\//,
  'prom-client': /^server\//,
  commander: /^cli\//,
  'lru-cache':
    /^(denoise\/pkn\/post-processor|files\/window\/frame-cache|cli\/sequence\/shot-sources|server\/frames\/source-files)\.ts$/,
  pngjs: /^(server|demo|cli\/explain|files\/filter)\//,
  typebox: /^(files|server)\//,
};

interface Import {
  /** Path below src, with forward slashes. */
  readonly from: string;
  /** Path below src, or a package. */
  readonly to: string;
}

const sources = new Map(
  readdirSync(new URL('src/', ROOT), { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => /\.ts$/.test(path))
    .map((path) => [path, readFileSync(new URL(`src/${path}`, ROOT), 'utf8')]),
);

const imports: readonly Import[] = [...sources].flatMap(([from, text]) =>
  [...text.matchAll(/\b(?:from\s+|import\s+|import\()'([^']+)'/g)].map((match): Import => {
    const target = match[1] as string;
    if (!target.startsWith('.')) return { from, to: target };
    return { from, to: posix.join(posix.dirname(from), target.replace(/\.js$/, '.ts')) };
  }),
);
const inner = imports.filter(({ to }) => sources.has(to));
const packages = imports.filter(({ to }) => !sources.has(to) && !to.startsWith('.') && !isBuiltin(to));

/** First folder of a path, or the name of a file of the root. */
function area(path: string): string {
  return (path.split('/')[0] as string).replace(/\.ts$/, '');
}

const shown = ({ from, to }: Import): string => `${from} imports ${to}`;

it('sees the imports of the whole tree', () => {
  expect(sources.size).toBeGreaterThan(40);
  expect(inner.map(shown)).toContain('cli/commands/serve.ts imports server/main.ts');
  const lost = imports.filter(({ to }) => to.endsWith('.ts') && !sources.has(to));
  expect(lost.map(shown)).toEqual([]);
});

describe('directions of import', () => {
  it('knows every folder', () => {
    expect([...sources.keys()].map(area).filter((name) => !MAY_IMPORT.has(name))).toEqual([]);
  });

  it('has no folder that may import itself in a roundabout way', () => {
    expect([...MAY_IMPORT].filter(([name, targets]) => targets.has(name)).map(([name]) => name)).toEqual([]);
  });

  it('only leads down', () => {
    const wrong = inner.filter(({ from, to }) => {
      const [a, b] = [area(from), area(to)];
      return a !== b && !MAY_IMPORT.get(a)?.has(b);
    });
    expect(wrong.map(shown)).toEqual([]);
  });

  it('has no circles, types included', () => {
    const edges = new Map<string, string[]>();
    for (const { from, to } of inner) edges.set(from, [...(edges.get(from) ?? []), to]);
    const state = new Map<string, 'open' | 'done'>();
    const cycles: string[] = [];
    const visit = (file: string, path: readonly string[]): void => {
      if (state.get(file) === 'open') cycles.push([...path, file].join(' -> '));
      if (state.has(file)) return;
      state.set(file, 'open');
      for (const target of edges.get(file) ?? []) visit(target, [...path, file]);
      state.set(file, 'done');
    };
    for (const file of sources.keys()) visit(file, []);
    expect(cycles).toEqual([]);
  });
});

describe('one importer', () => {
  it('for every package that has a place of its own', () => {
    const wrong = packages.filter(({ from, to }) =>
      Object.entries(IMPORTERS).some(([name, place]) => {
        const same = name.endsWith('/') ? to.startsWith(name) : to === name || to.startsWith(`${name}/`);
        return same && !place.test(from);
      }),
    );
    expect(wrong.map(shown)).toEqual([]);
  });

  it('and no other package at all in the layers below', () => {
    const others = packages.filter(({ to }) => !['lru-cache', 'p-map', 'pngjs', 'typebox'].includes(to));
    const low = others.filter(({ from }) =>
      [
        'errors',
        'version',
        'config',
        'image',
        'frame',
        'kpcn',
        'pkn',
        'sampling',
        'denoise',
        'files',
      ].includes(area(from)),
    );
    expect(low.map(shown)).toEqual([]);
  });

  it('for the environment', () => {
    const readers = [...sources].filter(([, text]) => /process\.env\b/.test(text)).map(([path]) => path);
    expect(readers.sort()).toEqual(['config.ts', 'no-telemetry.ts']);
  });
});

it('imports only what package.json depends on at run time', () => {
  const text = readFileSync(new URL('package.json', ROOT), 'utf8');
  const { dependencies, peerDependencies } = JSON.parse(text) as Record<string, Record<string, string>>;
  const known = { ...dependencies, ...peerDependencies };
  const names = packages.map(({ to }) =>
    to
      .split('/')
      .slice(0, to.startsWith('@') ? 2 : 1)
      .join('/'),
  );
  expect(names.filter((name) => known[name] === undefined)).toEqual([]);
});

it('has no file of more than 300 lines but what is generated', () => {
  const long = [...sources].filter(
    ([path, text]) => !/\/gen\//.test(path) && text.trimEnd().split('\n').length > 300,
  );
  expect(long.map(([path]) => path)).toEqual([]);
});

it('has one barrel', () => {
  const barrels = [...sources].filter(([path, text]) => path !== 'index.ts' && /^export \* from/m.test(text));
  expect(barrels.map(([path]) => path)).toEqual([]);
});
