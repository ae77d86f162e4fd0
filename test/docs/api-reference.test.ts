import { expect, it } from 'vitest';
import { apiReference } from '../../src/server/openapi/api-reference.js';
import { fakeApp } from '../server/support.js';

const { app } = await fakeApp();

it('is what the service describes; `npm run build:docs` writes it', async () => {
  const document = (await app.inject('/openapi.json')).json();
  const introduction =
    '`npm run build:docs` generates this page from `/openapi.json`, like `/docs` of the service. [api.md](api.md) shows how to use it.';
  await expect(apiReference(document, introduction)).toMatchFileSnapshot('../../docs/api-reference.md');
});

it('shows operations, parameters, statuses and schemas', () => {
  const document = {
    info: { version: '3' },
    paths: {
      '/x/{id}': {
        parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
        get: {
          summary: 'Get | x',
          parameters: [
            {
              name: 'n',
              in: 'query',
              schema: { type: 'integer', minimum: 1, maximum: 9 },
              description: 'How\nmany',
            },
          ],
          responses: {
            200: { description: 'x', content: { 'application/json': {} } },
            404: { description: '`not-found`: There is none.\n\n`gone`: No more.' },
          },
        },
      },
    },
    components: {
      schemas: {
        X: { required: ['a'], properties: { a: { type: 'object', properties: { b: { enum: ['c', 1] } } } } },
      },
    },
  };
  const page = apiReference(document, 'A paragraph.');
  expect(page).toContain('Version 3. A paragraph.');
  expect(page).toContain('| GET | [`/x/{id}`](#get-xid) | Get \\| x |');
  expect(page).toContain('| `id`, required | path | string |  |');
  expect(page).toContain('| `n` | query | integer from 1 to 9 | How<br>many |');
  expect(page).toContain('| 200 | x (`application/json`) |');
  expect(page).toContain('| 404 | `not-found`, `gone` |');
  expect(page).toContain('| `gone` | 404 | No more. |');
  expect(page).toContain('| `a` | object |');
  expect(page).toContain('| `a.b` | `c`, `1`, optional |');
});
