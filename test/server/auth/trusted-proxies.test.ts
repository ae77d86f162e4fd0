import { expect, it } from 'vitest';
import { TrustedProxies } from '../../../src/server/auth/trusted-proxies.js';

it.each([
  ['nobody is trusted', undefined, '10.0.0.1', '192.0.2.7', '10.0.0.1'],
  ['the peer is no proxy', '10.0.0.1', '192.0.2.9', '192.0.2.7', '192.0.2.9'],
  ['the peer is a proxy', '10.0.0.1', '10.0.0.1', '192.0.2.7', '192.0.2.7'],
  ['an entry before the nearest is made up', '10.0.0.1', '10.0.0.1', '198.51.100.1, 192.0.2.7', '192.0.2.7'],
  ['there are two proxies', '10.0.0.0/8', '10.0.0.1', '192.0.2.7, 10.9.9.9', '192.0.2.7'],
  ['a proxy has an IPv4 address in IPv6', 'loopback', '::ffff:127.0.0.1', '192.0.2.7', '192.0.2.7'],
  ['a proxy has an address of IPv6', 'uniquelocal,linklocal', 'fd00::1', '2001:db8::7', '2001:db8::7'],
  ['an entry is no address', 'loopback', '127.0.0.1', 'unknown', '127.0.0.1'],
  ['nothing is forwarded', 'loopback', '127.0.0.1', undefined, '127.0.0.1'],
])('knows the client where %s', (_, proxies, peer, forwarded, client) => {
  expect(new TrustedProxies(proxies).clientOf(peer, forwarded)).toBe(client);
});
