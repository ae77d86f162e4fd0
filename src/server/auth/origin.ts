import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { expected, QuietframeError } from '../../errors.js';

/** What of a request tells which page of a browser, if any, has sent it. Headers by name in lower case. */
export interface Sender {
  readonly method: string;
  /** Name and port that the client asked for: `Host`, or `:authority` of HTTP/2. */
  readonly authority: string | undefined;
  readonly header: (name: string) => string | undefined;
}

/** Methods that change nothing here. */
const SAFE: readonly string[] = ['GET', 'HEAD', 'OPTIONS'];
/** Top-level names that nobody can register: names of this machine and of a cluster. */
const LOCAL_SUFFIXES: readonly string[] = ['.localhost', '.svc', '.svc.cluster.local'];

/**
 * Keeps web pages away: a browser on the machine of the service, or within its network, sends what any page tells it to.
 * A page that has its own name lead here is told by the name; any other page by what the browser says of it.
 */
export class OriginCheck {
  readonly #allowed: readonly string[];
  readonly #checksHosts: boolean;

  /**
   * @param allowedHosts names with commas between; one that begins with a dot stands for all below it, `*` for all.
   * @param hasTokens where callers have tokens, which no page knows, the service may have any name.
   */
  constructor(allowedHosts: string | undefined, hasTokens: boolean) {
    this.#allowed = allowedHosts?.toLowerCase().split(',') ?? [];
    this.#checksHosts = !hasTokens;
  }

  /** @throws QuietframeError `forbidden`. */
  check(sender: Sender): void {
    this.#checkHost(sender.authority);
    if (!SAFE.includes(sender.method)) this.#checkPage(sender);
  }

  #checkHost(authority: string | undefined): void {
    // Browsers always say what they have asked for.
    if (authority === undefined || authority === '' || !this.#checksHosts) return;
    const name = hostOf(authority);
    if (name !== undefined && (isLocal(name) || this.#isAllowed(name))) return;
    throw forbidden('a local name, an IP address or one of --allowed-hosts', 'Host', authority);
  }

  #checkPage({ authority, header }: Sender): void {
    const site = header('sec-fetch-site');
    if (site === 'same-origin' || site === 'none') return;
    const origin = header('origin');
    if (origin !== undefined) {
      const page = URL.canParse(origin) ? new URL(origin).host : undefined;
      if (page !== undefined && page !== '' && site === undefined && page === normal(origin, authority))
        return;
      const name = page === undefined ? undefined : hostOf(page);
      if (name !== undefined && this.#isAllowed(name) && !this.#allowed.includes('*')) return;
      throw forbidden('a page of this service', 'Origin', origin);
    }
    if (site !== undefined) throw forbidden('same-origin', 'Sec-Fetch-Site', site);
  }

  #isAllowed(name: string): boolean {
    return this.#allowed.some(
      (allowed) => allowed === '*' || allowed === name || (allowed.startsWith('.') && name.endsWith(allowed)),
    );
  }
}

/** The name of an authority without its port, in lower case; undefined for what is none. */
function hostOf(authority: string): string | undefined {
  if (!URL.canParse(`http://${authority}`)) return undefined;
  const { hostname, username, pathname } = new URL(`http://${authority}`);
  return username === '' && pathname === '/' ? hostname.replace(/\.$/, '') : undefined;
}

/** An authority as the host of a URL of the origin's scheme: without the port that goes without saying. */
function normal(origin: string, authority: string | undefined): string | undefined {
  const url = `${new URL(origin).protocol}//${authority}`;
  return URL.canParse(url) ? new URL(url).host : undefined;
}

/** Names that lead nowhere but to machines of the network: without a dot, or below what nobody can register. */
function isLocal(name: string): boolean {
  if (isIP(name.replace(/^\[|\]$/g, '')) !== 0) return true;
  return (
    !name.includes('.') ||
    name === hostname().toLowerCase() ||
    LOCAL_SUFFIXES.some((end) => name.endsWith(end))
  );
}

function forbidden(range: string, name: string, received: string): QuietframeError {
  return new QuietframeError('forbidden', expected(range, name, received), { parameter: name.toLowerCase() });
}
