import { request } from 'undici';
import { expect, it } from 'vitest';
import { QuietframeError } from '../../../src/errors.js';
import { makeExr } from '../../support/exr-files.js';
import { fakeApp, listen } from '../support.js';

const { app, service } = await fakeApp();
const origin = `http://127.0.0.1:${await listen(app)}`;

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const VALUE = /^(?:[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|Nan|NaN)$/i;

/** Samples of the Prometheus text format; every line has to be one, or a comment of HELP or TYPE. */
function parse(text: string): Sample[] {
  expect(text.endsWith('\n')).toBe(true);
  const samples: Sample[] = [];
  const types = new Map<string, string>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const type = /^# TYPE ([a-z_:][\w:]*) (counter|gauge|histogram|summary)$/i.exec(line);
    if (type !== null) {
      expect(types.has(type[1] as string), line).toBe(false);
      types.set(type[1] as string, type[2] as string);
    } else if (!/^# HELP [a-z_:][\w:]* .+$/i.test(line)) {
      const match = /^([a-z_:][\w:]*)(?:\{(.*)\})? (\S+)$/i.exec(line);
      expect(match, line).not.toBeNull();
      const [, name = '', labelText = '', value = ''] = match ?? [];
      expect(value, line).toMatch(VALUE);
      const labels = [...labelText.matchAll(/(\w+)="((?:[^"\\\n]|\\.)*)"(?:,|$)/g)];
      expect(labels.map(([all]) => all).join(''), line).toBe(labelText);
      const family = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, '');
      expect(types.has(family), line).toBe(true);
      samples.push({
        name,
        labels: Object.fromEntries(labels.map(([, key, text]) => [key, text])),
        value: Number(value.replace('Inf', 'Infinity')),
      });
    }
  }
  return samples;
}

async function sample(name: string, labels: Record<string, string> = {}): Promise<number | undefined> {
  const samples = parse((await app.inject('/metrics')).body);
  return samples.find(
    (candidate) =>
      candidate.name === name &&
      Object.entries(labels).every(([key, value]) => candidate.labels[key] === value),
  )?.value;
}

it('counts requests by outcome and reason, stages in seconds, and bytes', async () => {
  const exr = makeExr();
  const sent = async (body: Uint8Array, path: string): Promise<number> => {
    const headers = { 'content-type': 'image/x-exr' };
    const answer = await request(`${origin}${path}`, { method: 'POST', headers, body });
    return (await answer.body.arrayBuffer()).byteLength;
  };
  const bytes = await sent(exr, '/v1/denoise');
  await sent(exr, '/v1/denoise?lambda=0');
  await sent(Buffer.from('junk'), '/v1/denoise');
  const broken = Promise.reject(new QuietframeError('internal', 'Broken'));
  broken.catch(() => {});
  service.hold = broken;
  await sent(exr, '/v1/denoise?lambda=2');
  await sent(exr, '/some/path?with=a%22quote%0a');
  expect((await app.inject('/metrics')).headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);

  const route = '/v1/denoise';
  const count = 'quietframe_request_seconds_count';
  expect(await sample(count, { route, outcome: 'ok', reason: 'none' })).toBe(1);
  expect(await sample(count, { route, outcome: 'refused', reason: 'invalid-argument' })).toBe(1);
  expect(await sample(count, { route, outcome: 'refused', reason: 'malformed-exr' })).toBe(1);
  expect(await sample(count, { route, outcome: 'failed', reason: 'internal' })).toBe(1);
  expect(await sample(count, { route: 'none', outcome: 'refused', reason: 'not-found' })).toBe(1);
  // The stand-in says 0.25 s and 1.5 s.
  expect(await sample('quietframe_stage_seconds_sum', { stage: 'decode' })).toBe(0.25);
  expect(await sample('quietframe_stage_seconds_sum', { stage: 'denoise' })).toBe(1.5);
  expect(await sample('quietframe_stage_seconds_bucket', { stage: 'denoise', le: '1' })).toBe(0);
  expect(await sample('quietframe_stage_seconds_bucket', { stage: 'denoise', le: '2.5' })).toBe(1);
  expect(await sample('quietframe_cache_lookups_total', { cache: 'decoded', result: 'hit' })).toBe(2);
  expect(await sample('quietframe_cache_lookups_total', { cache: 'features', result: 'miss' })).toBe(1);
  expect(await sample('quietframe_cache_bytes', { cache: 'decoded' })).toBe(77);
  expect(await sample('quietframe_received_bytes_total')).toBe(2 * exr.length + 4);
  expect(await sample('quietframe_sent_bytes_total')).toBe(bytes);
  expect(await sample('quietframe_requests_in_flight')).toBe(0);
  expect(await sample('quietframe_requests_running')).toBe(0);
  expect(await sample('quietframe_queue_depth')).toBe(0);
  expect(await sample('process_cpu_seconds_total')).toBeGreaterThan(0);
});
