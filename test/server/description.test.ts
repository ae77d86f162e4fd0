import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, it } from 'vitest';
import { ERROR_TABLE, QuietframeError } from '../../src/errors.js';
import { SOURCE_NAMES } from '../../src/frame/source-names.js';
import { OPENAPI } from '../../src/server/openapi/openapi.js';
import { makeExr } from '../support/exr-files.js';
import { expectProblem, fakeApp, post } from './support.js';

const { app, service } = await fakeApp();

describe('GET /openapi.json', () => {
  it('is a valid description', async () => {
    const document = (await app.inject('/openapi.json')).json();
    expect(await new Validator().validate(document)).toEqual({ valid: true });
    expect(document).toEqual(JSON.parse(JSON.stringify(OPENAPI)));
  });

  it('names every error of the table, and no other', () => {
    const types = OPENAPI.components.schemas.Problem.properties.type.enum;
    expect([...types].sort()).toEqual(
      Object.keys(ERROR_TABLE)
        .map((code) => `urn:quietframe:problem:${code}`)
        .sort(),
    );
  });

  it('describes every error of the table at an operation with its status', () => {
    const operations = Object.values(OPENAPI.paths).flatMap((path) => Object.values<unknown>({ ...path }));
    const described = operations.flatMap((operation) =>
      operation instanceof Object && 'responses' in operation
        ? Object.entries(operation.responses as Record<string, { description: string }>)
        : [],
    );
    for (const [code, { status }] of Object.entries(ERROR_TABLE)) {
      const here = described.filter(([, { description }]) => description.includes(`\`${code}\``));
      expect(
        here.map(([answered]) => Number(answered)),
        code,
      ).toContain(status);
      expect(new Set(here.map(([answered]) => Number(answered))), code).toEqual(new Set([status]));
    }
  });

  it('has every route of the API, and no other', () => {
    const routes: string[] = [];
    const above: string[] = [];
    for (const line of app.printRoutes({ commonPrefix: false }).split('\n')) {
      const [, indent = '', name = ''] = /^(.*── )(\S+) \(/.exec(line) ?? [];
      if (name === '') continue;
      const depth = indent.length / 4;
      above.splice(depth - 1, Infinity, name);
      routes.push(
        above
          .join('')
          .replace('//', '/')
          .replace(/:(\w+)/g, '{$1}'),
      );
    }
    // What the page at / loads is for browsers.
    const api = routes.filter((route) => !route.startsWith('/viewer/'));
    expect(new Set(api)).toEqual(new Set(Object.keys(OPENAPI.paths)));
  });
});

describe('lists', () => {
  it('of models', async () => {
    expect((await app.inject('/v1/models')).json()).toEqual({ models: service.deps.denoiser.models });
    expect((await app.inject('/v1/models/kpcn')).json()).toMatchObject({ name: 'kpcn', version: 2 });
    expect((await app.inject('/v1/models/kpcn@1')).json()).toMatchObject({ name: 'kpcn', version: 1 });
    expectProblem(await app.inject('/v1/models/kpcn@7'), 'unknown-model', '/v1/models/{name}');
  });

  it('of sources', async () => {
    const { sources } = (await app.inject('/v1/sources')).json();
    expect(sources.map(({ name }: { name: string }) => name)).toEqual(SOURCE_NAMES);
    const [cycles] = sources.filter(({ name }: { name: string }) => name === 'cycles');
    expect(cycles.roles.color).toContain('Combined.RGB');
    expect(cycles.recipe.albedo).toContain('Denoising Data');
  });

  it('for people', async () => {
    const page = await app.inject('/');
    expect(page.headers['content-type']).toBe('text/plain; charset=utf-8');
    const paths = [...page.body.matchAll(/^ {2}(?:GET|POST) +(\S+)/gm)].map(([, path]) => path);
    expect(paths.length).toBeGreaterThan(5);
    expect(paths.filter((path) => !Object.hasOwn(OPENAPI.paths, path ?? ''))).toEqual([]);
  });
});

describe('errors of the service itself', () => {
  it.each([
    new Error('password in /etc/shadow'),
    new TypeError('x is not a function'),
    Object.assign(new Error('ENOENT: /srv/secret'), { code: 'ENOENT', statusCode: 400 }),
    'a string',
    undefined,
    new QuietframeError('internal', 'The service failed', {}, { cause: new Error('/srv/secret') }),
  ])('show nothing of their cause: %s', async (cause) => {
    const { denoiseExr } = service.deps;
    Object.assign(service.deps, { denoiseExr: () => Promise.reject(cause) });
    const answer = await app.inject(post(makeExr()));
    Object.assign(service.deps, { denoiseExr });
    expectProblem(answer, 'internal');
    expect(answer.body).not.toMatch(/secret|shadow|not a function|ENOENT|string/);
    expect((await app.inject(post(makeExr()))).statusCode).toBe(200);
  });
});
