import { describe, expect, it } from 'vitest';
import { UploadMemory } from '../../../src/server/queue/upload-memory.js';
import { makeExr } from '../../support/exr-files.js';
import { expectProblem, fakeApp, form, post, postForm } from '../support.js';

const MIB = 2 ** 20;
const UPLOAD = Buffer.alloc(24 * MIB, 1);

describe('UploadMemory', () => {
  it('uses buffers of refused requests again, the smallest that fits', () => {
    const memory = new UploadMemory(2 ** 20);
    const [small, large] = [memory.open(), memory.open()];
    const [one, two] = [small.take(100_000), large.take(400_000)];
    small.release();
    large.release();
    const again = memory.open();
    expect(again.take(90_000).buffer).toBe(one.buffer);
    expect(again.take(90_000).buffer).toBe(two.buffer);
    expect(memory.freeBytes).toBe(0);
  });

  it('leaves buffers to who has got them, and keeps a bounded number of bytes', () => {
    const memory = new UploadMemory(2 ** 20);
    const scope = memory.open();
    const kept = scope.take(100_000);
    scope.handOver();
    scope.release();
    expect(memory.freeBytes).toBe(0);
    expect(memory.open().take(100_000).buffer).not.toBe(kept.buffer);
    const many = memory.open();
    for (let i = 0; i < 10; i++) many.take(2 ** 18);
    many.release();
    expect([many.closed, memory.freeBytes]).toEqual([true, 2 ** 20]);
  });
});

describe('fifty refused uploads', async () => {
  const { app } = await fakeApp({ maxUploadBytes: 32 * MIB, frameCacheBytes: 64 * MIB });

  it.each([
    ['that are no OpenEXR files', () => app.inject(post(UPLOAD)), 'malformed-exr'],
    [
      'in forms',
      () =>
        app.inject(
          postForm(
            form([
              ['frame', UPLOAD],
              ['other', UPLOAD.subarray(0, 9)],
            ]),
          ),
        ),
      'unknown-parameter',
    ],
    [
      'with another digest',
      () => app.inject({ ...post(UPLOAD, `/v1/frames/${'0'.repeat(64)}`), method: 'PUT' }),
      'digest-mismatch',
    ],
  ] as const)(
    '%s leave no memory behind',
    async (_name, send, code) => {
      for (let i = 0; i < 5; i++) await send();
      const before = process.memoryUsage().rss;
      for (let i = 0; i < 50; i++) expectProblem(await send(), code, undefined);
      // All of them together are 1200 MiB.
      expect((process.memoryUsage().rss - before) / MIB).toBeLessThan(400);
      expect((await app.inject(post(makeExr()))).statusCode).toBe(200);
    },
    120_000,
  );
});
