import { request } from 'undici';
import { expect, it, vi } from 'vitest';
import { makeExr } from '../support/exr-files.js';
import { fakeApp, listen } from './support.js';

it('logs each request once, as JSON with its id, and never what its headers or its query hold', async () => {
  const written: string[] = [];
  const write = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    written.push(String(text));
    return true;
  });
  const { app } = await fakeApp({ logLevel: 'info' });
  const origin = `http://127.0.0.1:${await listen(app)}`;
  const headers = { 'content-type': 'image/x-exr', authorization: 'Bearer secret' };
  const url = `${origin}/v1/denoise?aovs=private`;
  const answer = await request(url, { method: 'POST', headers, body: makeExr() });
  await answer.body.dump();
  await (await request(`${origin}/healthz/live`)).body.dump();
  await vi.waitFor(() => expect(written.join('')).toContain('Answered'), 10_000);
  write.mockRestore();
  const lines = written
    .join('')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const answered = lines.filter(({ msg }) => msg === 'Answered');
  expect(answered).toHaveLength(1);
  expect(answered[0]).toMatchObject({
    reqId: answer.headers['request-id'],
    method: 'POST',
    route: '/v1/denoise',
    status: 200,
    reason: 'none',
    caller: '127.0.0.1',
  });
  expect(written.join('')).not.toMatch(/secret|private/);
});
