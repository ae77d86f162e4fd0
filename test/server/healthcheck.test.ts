import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { isLive, servedSettings } from '../../src/server/healthcheck.js';
import { fakeApp, listen } from './support.js';

const at = (name: string): string => fileURLToPath(new URL(`tls/${name}`, import.meta.url));
const TLS = { tlsCertificate: at('certificate.pem'), tlsKey: at('key.pem') };

it.each([
  { what: 'HTTP', settings: {} },
  { what: 'TLS', settings: TLS },
])('asks a service that speaks $what on another port', async ({ settings }) => {
  const { app } = await fakeApp(settings);
  const port = await listen(app);
  const served = { host: '0.0.0.0', port, ...settings };
  expect(await isLive({ tlsCertificate: undefined, ...served })).toBe(true);
  const other = 'tlsCertificate' in settings ? undefined : TLS.tlsCertificate;
  expect(await isLive({ ...served, tlsCertificate: other })).toBe(false);
  await app.close();
  expect(await isLive({ tlsCertificate: undefined, ...served })).toBe(false);
});

it.each([
  { args: [], expected: { host: '0.0.0.0', port: 8443, tlsCertificate: '/tls/cert.pem' } },
  { args: ['serve', '--port', '9000'], expected: { port: 9000 } },
  { args: ['serve', '--port=9000', '--host=::'], expected: { port: 9000, host: '::' } },
  {
    args: ['serve', '--grpc-port', '1', '--tls-cert', 'other.pem'],
    expected: { port: 8443, tlsCertificate: 'other.pem' },
  },
])('reads the settings of the service: $args', ({ args, expected }) => {
  const variables = {
    QUIETFRAME_HOST: '0.0.0.0',
    QUIETFRAME_PORT: '8443',
    QUIETFRAME_TLS_CERT: '/tls/cert.pem',
  };
  expect(servedSettings(args, variables)).toMatchObject(expected);
});
