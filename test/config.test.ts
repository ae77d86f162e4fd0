import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { checkMemory, describeConfig, readConfig, SETTINGS } from '../src/config.js';

it('has defaults for one machine', () => {
  const config = readConfig({});
  expect(config).toMatchObject({ host: '127.0.0.1', port: 8080, logLevel: 'info' });
  expect(config.grpcPort).toBeUndefined();
  expect(config.threads).toBeGreaterThanOrEqual(1);
  expect(existsSync(config.modelsDirectory)).toBe(true);
});

it('takes what is set, and defaults for what is empty', () => {
  const config = readConfig({
    QUIETFRAME_HOST: '0.0.0.0',
    QUIETFRAME_PORT: '0',
    QUIETFRAME_GRPC_PORT: '0',
    QUIETFRAME_THREADS: '3',
    QUIETFRAME_MODELS: 'bundles',
    QUIETFRAME_LOG: 'debug',
    QUIETFRAME_QUEUE: '',
  });
  expect(config).toMatchObject({
    host: '0.0.0.0',
    port: 0,
    grpcPort: 0,
    threads: 3,
    modelsDirectory: 'bundles',
    logLevel: 'debug',
  });
  expect(config.queueLength).toBe(readConfig({}).queueLength);
});

describe('refuses by name', () => {
  it.each([
    ['QUIETFRAME_PORT', '65536'],
    ['QUIETFRAME_PORT', '80a'],
    ['QUIETFRAME_GRPC_PORT', '-1'],
    ['QUIETFRAME_THREADS', '0'],
    ['QUIETFRAME_THREADS', '1.5'],
    ['QUIETFRAME_MAX_UPLOAD', '-1'],
    ['QUIETFRAME_MAX_PIXELS', 'NaN'],
    ['QUIETFRAME_LOG', 'loud'],
  ])('%s = %s', (name, value) => {
    expect(() => readConfig({ [name]: value })).toThrow(name);
  });
});

describe('memory', () => {
  const GIB = 2 ** 30;
  const parts = (config: ReturnType<typeof readConfig>): number =>
    config.memoryBudgetBytes +
    config.featureCacheBytes +
    config.decodedCacheBytes +
    config.frameCacheBytes +
    config.uploadMemoryBytes +
    config.answerBytes +
    config.frameMemoryBytes;

  it.each([GIB / 4, GIB, 2 * GIB, 10 * GIB, 256 * GIB])(
    'of %i bytes is divided among its parts',
    (memory) => {
      const config = readConfig({ QUIETFRAME_MEMORY: String(memory) });
      expect(() => checkMemory(config)).not.toThrow();
      expect(parts(config)).toBeLessThan(memory);
      expect(parts(config)).toBeGreaterThan(0.7 * memory);
      expect(config.frameMemoryBytes).toBeGreaterThanOrEqual(0.25 * memory);
      expect(config.maxUploadBytes).toBeLessThanOrEqual(config.uploadMemoryBytes);
    },
  );

  it('leaves frames what is left beside the sizes that are given', () => {
    const memory = { QUIETFRAME_MEMORY: String(16 * GIB) };
    const usual = readConfig(memory);
    const given = readConfig({ ...memory, QUIETFRAME_FEATURE_CACHE: String(4 * GIB) });
    expect(given.featureCacheBytes).toBe(4 * GIB);
    expect(given.frameMemoryBytes).toBe(usual.frameMemoryBytes - 2 * GIB);
    expect(() => checkMemory(given)).not.toThrow();
    const large = readConfig({ ...memory, QUIETFRAME_MAX_UPLOAD: String(3 * GIB) });
    expect(large.uploadMemoryBytes).toBe(3 * GIB);
    expect(() => checkMemory(large)).not.toThrow();
  });

  it.each([
    ['QUIETFRAME_FRAME_MEMORY', 9],
    ['QUIETFRAME_FEATURE_CACHE', 9.5],
    ['QUIETFRAME_FRAME_CACHE', 9.5],
    ['QUIETFRAME_UPLOAD_MEMORY', 9.5],
    ['QUIETFRAME_MEMORY_BUDGET', 9.5],
  ])('that %s would pass is refused with the parts of the sum', (name, size) => {
    const config = readConfig({ QUIETFRAME_MEMORY: String(10 * GIB), [name]: String(size * GIB) });
    expect(() => checkMemory(config)).toThrow(/frame-memory \d+ and \d+ of the process/);
  });

  it('for uploads holds one of the largest', () => {
    const config = readConfig({ QUIETFRAME_MAX_UPLOAD: '4096', QUIETFRAME_UPLOAD_MEMORY: '4095' });
    expect(() => checkMemory(config)).toThrow('--max-upload');
  });
});

describe('the table of settings', () => {
  const settings = Object.values(SETTINGS);

  it('has a variable, a flag, a unit and words for each, and none twice', () => {
    for (const key of ['env', 'flag'] as const) {
      expect(new Set(settings.map((setting) => setting[key])).size).toBe(settings.length);
    }
    for (const { env, flag, unit, description } of settings) {
      expect(env).toMatch(/^(QUIETFRAME|OTEL)_[A-Z_]+$/);
      expect(flag).toMatch(/^[a-z-]+$/);
      expect(unit.length * description.length).toBeGreaterThan(0);
    }
  });

  it('lets a flag go before its variable, and names the one that is wrong', () => {
    const environment = { QUIETFRAME_QUEUE: '3', QUIETFRAME_JOBS: '7' };
    expect(readConfig(environment, { queueLength: '5' })).toMatchObject({ queueLength: 5, maxJobs: 7 });
    expect(() => readConfig({}, { queueLength: '' })).toThrow('--queue');
    expect(() => readConfig({}, { maxUploadBytes: '1e' })).toThrow('--max-upload');
  });

  it('describes what is in force, with units', () => {
    expect(describeConfig(readConfig({ QUIETFRAME_DRAIN: '5' }))).toMatchObject({
      QUIETFRAME_DRAIN: '5 seconds',
      QUIETFRAME_MAX_PIXELS: '67108864 pixels',
    });
    expect(Object.keys(describeConfig(readConfig({})))).not.toContain('QUIETFRAME_SPOOL');
  });
});

it.each(['true', '1', '', 'proxy.example', '10.0.0.0/33', '10.0.0.1,,'])(
  'trusts no proxy called %j',
  (proxies) => {
    expect(() => readConfig({}, { trustProxy: proxies })).toThrow(/--trust-proxy/);
  },
);

it.each(['10.0.0.1', '10.0.0.0/8, fd00::/8', 'loopback,uniquelocal'])('trusts proxies %s', (proxies) => {
  expect(readConfig({}, { trustProxy: proxies }).trustProxy).toBe(proxies.replace(' ', ''));
});

it.each([
  [{}, 12],
  [{ concurrency: '2', queueLength: '2' }, 3],
  [{ queueLength: '0' }, 1],
  [{ callerPlaces: '17' }, 17],
])('leaves a quarter of the places to other addresses with %j', (flags, places) => {
  expect(readConfig({}, flags).callerPlaces).toBe(places);
});
