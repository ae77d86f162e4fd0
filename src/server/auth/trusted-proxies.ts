import { BlockList, isIP } from 'node:net';

/** Networks by the names that Fastify has for them. */
const NAMED: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

/** The proxies whose `X-Forwarded-For` the gRPC port believes, as Fastify does for HTTP. */
export class TrustedProxies {
  readonly #trusted = new BlockList();

  /** @param proxies addresses, networks and names with commas between; without, nobody is believed. */
  constructor(proxies: string | undefined) {
    const networks = (proxies?.split(',') ?? []).flatMap((entry) => NAMED[entry] ?? [entry]);
    for (const network of networks) {
      const [address = '', bits] = network.split('/');
      const family = familyOf(address);
      if (bits === undefined) this.#trusted.addAddress(address, family);
      else this.#trusted.addSubnet(address, Number(bits), family);
    }
  }

  /**
   * The nearest address that is no trusted proxy, or the farthest one that is known.
   * @param peer address of the connection.
   * @param forwarded `X-Forwarded-For`; the last entry is the nearest.
   */
  clientOf(peer: string, forwarded: string | undefined): string {
    let client = peer;
    const hops = forwarded?.split(',').map((entry) => entry.trim()) ?? [];
    while (isIP(client) !== 0 && this.#trusted.check(client, familyOf(client))) {
      const next = hops.pop();
      if (next === undefined || isIP(next) === 0) break;
      client = next;
    }
    return client;
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6';
}
