import { expect, it } from 'vitest';
import { UploadBudget } from '../../../src/server/queue/upload-budget.js';
import { makeExr } from '../../support/exr-files.js';
import { expectProblem, fakeApp, post } from '../support.js';

it('is reserved once and given back once', () => {
  const memory = new UploadBudget(100);
  const release = memory.reserve(60);
  expect(() => memory.reserve(41)).toThrow(expect.objectContaining({ code: 'overloaded' }));
  expect(() => memory.reserve(101)).toThrow(expect.objectContaining({ code: 'too-large' }));
  const other = memory.reserve(40);
  release();
  release();
  expect(memory.reserved).toBe(40);
  other();
  expect(memory.reserved).toBe(0);
});

it('is taken by requests that run, as their Content-Length says, and free when they are over', async () => {
  const exr = makeExr();
  const { app, service } = await fakeApp({ uploadMemoryBytes: exr.length + 10, queueLength: 5 });
  let end = (): void => {};
  service.hold = new Promise((resolve) => {
    end = resolve;
  });
  const running = app.inject(post(exr));
  await expect.poll(() => service.running, { timeout: 30_000 }).toBe(1);
  const refused = await app.inject(post(exr));
  expectProblem(refused, 'overloaded');
  expect(refused.headers['retry-after']).toBeDefined();
  expect(service.requests).toHaveLength(1);
  end();
  expect((await running).statusCode).toBe(200);
  service.hold = undefined;
  expect((await app.inject(post(exr))).statusCode).toBe(200);
  expect(app.context.uploadBudget.reserved).toBe(0);
});

it.each([
  { what: 'a file', request: post(makeExr(), '/v1/jobs') },
  {
    what: 'frames by digest',
    request: {
      ...post(Buffer.from('{"frames": []}'), '/v1/jobs'),
      headers: { 'content-type': 'application/json' },
    },
  },
])('is reserved by jobs, too: $what', async ({ request }) => {
  const { app } = await fakeApp({ uploadMemoryBytes: makeExr().length + 10 });
  const { uploadBudget } = app.context;
  const release = uploadBudget.reserve(makeExr().length + 10);
  const refused = await app.inject(request);
  expectProblem(refused, 'overloaded');
  expect(refused.headers['retry-after']).toBeDefined();
  release();
  expect((await app.inject(request)).statusCode).not.toBe(503);
  expect(uploadBudget.reserved).toBe(0);
});
