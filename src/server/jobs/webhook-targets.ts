import { BlockList, isIP } from 'node:net';
import { expected, QuietframeError } from '../../errors.js';

const MOST_CHARACTERS = 2048;
/** Networks of IPv4 that are not the Internet's (RFC 6890): this machine, the studio, the cloud's metadata. */
const PRIVATE_IPV4 = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...['192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15'],
  ...['198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/3'],
];
/** All unicast addresses of the Internet, and what of them leads elsewhere (Teredo, 6to4, documentation). */
const GLOBAL_IPV6 = ['2000::/3'];
const PRIVATE_IPV6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

const privateIpv4 = listOf(PRIVATE_IPV4);
const globalIpv6 = listOf(GLOBAL_IPV6);
const privateIpv6 = listOf(PRIVATE_IPV6);

/** Where webhooks may go: to names of a list, whose addresses are public or in the list, too. */
export class WebhookTargets {
  readonly #names: readonly string[];
  readonly #networks: BlockList;

  /** @param list names, addresses and networks with commas between; a name that begins with a dot stands for all below it. */
  constructor(list: string) {
    const entries = list.toLowerCase().split(',');
    const isAddress = (entry: string): boolean => isIP(entry.replace(/\/.*/, '')) !== 0;
    this.#names = entries.filter((entry) => !isAddress(entry));
    this.#networks = listOf(entries.filter(isAddress));
  }

  /**
   * The URL of a webhook.
   * @throws QuietframeError `invalid-argument` unless it may be called, as far as its text says.
   */
  check(text: string): URL {
    const url = text.length <= MOST_CHARACTERS && URL.canParse(text) ? new URL(text) : undefined;
    const isPlain = url !== undefined && /^https?:$/.test(url.protocol) && url.username + url.password === '';
    if (url !== undefined && isPlain && this.#knows(hostOf(url))) return url;
    // A URL may hold a secret: it is not repeated.
    const shown = url === undefined ? 'another text' : hostOf(url);
    const range = 'an http or https URL of a host of --webhook-hosts without a password';
    throw new QuietframeError('invalid-argument', expected(range, 'webhook', shown), {
      parameter: 'webhook',
    });
  }

  /** Whether a connection to an address may be opened. */
  allows(address: string): boolean {
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (isIP(address) === 0) return false;
    if (this.#networks.check(address, family)) return true;
    if (family === 'ipv4') return !privateIpv4.check(address, family);
    return globalIpv6.check(address, family) && !privateIpv6.check(address, family);
  }

  #knows(host: string): boolean {
    if (isIP(host) !== 0) return this.#networks.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4');
    return this.#names.some((name) => (name.startsWith('.') ? host.endsWith(name) : host === name));
  }
}

function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = '', bits] = network.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}
