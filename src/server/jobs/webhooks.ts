import { createHmac, randomUUID } from 'node:crypto';
import { lookup } from 'node:dns';
import { readFile } from 'node:fs/promises';
import { isIP, type LookupFunction } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { expected, QuietframeError } from '../../errors.js';
import type { Job } from './job.js';
import { WebhookTargets } from './webhook-targets.js';

/** Bytes of a secret: as many as the digest that it signs with. */
const LEAST_SECRET = 32;
const SECONDS_TO_CONNECT = 5;
const SECONDS_TO_ANSWER = 15;
/** Seconds before each further try. */
const DELAYS: readonly number[] = [2, 10, 60, 300];

export interface WebhookOptions {
  /** As `WebhookTargets` reads them. */
  readonly hosts: string;
  /** Signs the messages. */
  readonly secret: Buffer;
  /** Seconds before each further try: as many tries as there are, and one. */
  readonly delays?: readonly number[];
}

/** Where failures are told. */
export interface WebhooksLog {
  warn(details: object, message: string): void;
}

/**
 * Tells others that a job has ended: `POST` of its status, signed with HMAC-SHA256. Only hosts of a list are called, redirects
 * are not followed, and what was not delivered when the service ends is lost.
 */
export class Webhooks {
  readonly #targets: WebhookTargets;
  readonly #secret: Buffer;
  readonly #delays: readonly number[];
  readonly #log: WebhooksLog;
  readonly #closing = new AbortController();
  readonly #agent: Agent;

  constructor({ hosts, secret, delays = DELAYS }: WebhookOptions, log: WebhooksLog) {
    this.#targets = new WebhookTargets(hosts);
    this.#secret = secret;
    this.#delays = delays;
    this.#log = log;
    this.#agent = new Agent({
      connections: 2,
      headersTimeout: 1000 * SECONDS_TO_ANSWER,
      bodyTimeout: 1000 * SECONDS_TO_ANSWER,
      // The address that was checked is the one that is connected to, whatever the name leads to a moment later.
      connect: { timeout: 1000 * SECONDS_TO_CONNECT, lookup: this.#lookup },
    });
  }

  /**
   * Reads the secret of the settings. Nothing where webhooks are off.
   * @throws QuietframeError `invalid-argument` for hosts without a secret or the other way round, or a short one; `file-system`.
   */
  static async open(
    hosts: string | undefined,
    secretFile: string | undefined,
    log: WebhooksLog,
  ): Promise<Webhooks | undefined> {
    if (hosts === undefined && secretFile === undefined) return undefined;
    if (hosts === undefined || secretFile === undefined) {
      const missing = hosts === undefined ? '--webhook-hosts' : '--webhook-secret-file';
      const message = `Expected both --webhook-hosts and --webhook-secret-file for webhooks but received no ${missing}`;
      throw new QuietframeError('invalid-argument', message, { parameter: missing });
    }
    const text = await readFile(secretFile, 'utf8').catch((cause: unknown) => {
      throw new QuietframeError('file-system', `The file ${secretFile} cannot be read`, {}, { cause });
    });
    const secret = Buffer.from(text.trim());
    if (secret.length < LEAST_SECRET) {
      const range = `at least ${LEAST_SECRET} bytes in the file`;
      const parameter = '--webhook-secret-file';
      throw new QuietframeError('invalid-argument', expected(range, parameter, secret.length), { parameter });
    }
    return new Webhooks({ hosts, secret }, log);
  }

  /** @throws QuietframeError `invalid-argument` where a URL may not be called. */
  check(url: string): void {
    this.#targets.check(url);
  }

  /** Tells that a job has ended, where it asked for that. Never throws: failures are logged. */
  async notify(job: Job): Promise<void> {
    const { webhook, id } = job.spec;
    if (webhook === undefined || !job.ended) return;
    const { frames: _, ...status } = job.status(Number.POSITIVE_INFINITY);
    const body = JSON.stringify({ event: 'job.ended', job: status });
    const delivery = randomUUID();
    let host = '';
    try {
      const url = this.#targets.check(webhook);
      host = url.host;
      for (let attempt = 0; ; attempt++) {
        const failure = await this.#post(url, body, delivery);
        if (failure === undefined) return;
        const delay = this.#delays[attempt];
        if (delay === undefined || !failure.isPassing) throw failure.reason;
        await sleep(1000 * delay, undefined, { signal: this.#closing.signal });
      }
    } catch (error) {
      this.#log.warn({ err: error, job: id, host }, 'A webhook was not delivered');
    }
  }

  /** Gives up what is not delivered. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#agent.destroy();
  }

  /** Nothing where it was delivered; else why not, and whether another try may help. */
  async #post(
    url: URL,
    body: string,
    delivery: string,
  ): Promise<{ readonly reason: Error; readonly isPassing: boolean } | undefined> {
    // Undici looks up names alone.
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0 && !this.#targets.allows(host)) {
      return { reason: forbidden(host), isPassing: false };
    }
    const time = Math.floor(Date.now() / 1000);
    const signature = createHmac('sha256', this.#secret).update(`${time}.${body}`).digest('hex');
    try {
      const answer = await request(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'quietframe',
          'quietframe-delivery': delivery,
          'quietframe-signature': `t=${time},v1=${signature}`,
        },
        body,
        dispatcher: this.#agent,
        signal: this.#closing.signal,
      });
      // What it says is of no use, however long it is.
      answer.body.on('error', () => {}).destroy();
      const { statusCode } = answer;
      if (statusCode >= 200 && statusCode < 300) return undefined;
      const isPassing = statusCode >= 500 || statusCode === 408 || statusCode === 429;
      return { reason: new Error(`The host answered ${statusCode}`), isPassing };
    } catch (error) {
      const reason = error instanceof Error ? error : new Error(String(error));
      return { reason, isPassing: !this.#closing.signal.aborted && !(reason instanceof QuietframeError) };
    }
  }

  readonly #lookup: LookupFunction = (name, options, callback) => {
    lookup(name, { ...options, all: true }, (error, addresses) => {
      const wrong = addresses?.find(({ address }) => !this.#targets.allows(address));
      const first = addresses?.[0];
      if (error !== null) callback(error, []);
      else if (wrong !== undefined || first === undefined) callback(forbidden(wrong?.address ?? name), []);
      else if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

function forbidden(address: string): QuietframeError {
  const range = 'a public address, or one of --webhook-hosts,';
  return new QuietframeError('forbidden', expected(range, 'the host of a webhook', address));
}
