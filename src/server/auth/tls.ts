import { readFile } from 'node:fs/promises';
import { createSecureContext, type Server } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import type { FastifyBaseLogger } from 'fastify';
import type { Config } from '../../config.js';
import { expected, QuietframeError } from '../../errors.js';
import { watchFiles } from '../../io/watch-files.js';

/** Certificate chain and private key, as PEM. */
export interface Tls {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly minVersion: 'TLSv1.2';
}

/**
 * What the ports speak TLS with; undefined where they do not.
 * @throws QuietframeError `invalid-argument` for a certificate without a key or the other way round, and for what is not
 * one; `file-system`.
 */
export async function readTls({
  tlsCertificate,
  tlsKey,
}: Pick<Config, 'tlsCertificate' | 'tlsKey'>): Promise<Tls | undefined> {
  if (tlsCertificate === undefined && tlsKey === undefined) return undefined;
  if (tlsCertificate === undefined || tlsKey === undefined) {
    throw new QuietframeError(
      'invalid-argument',
      expected('both or neither', 'TLS certificate and key', 'one'),
    );
  }
  const [cert, key] = await Promise.all([read(tlsCertificate), read(tlsKey)]);
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    const message = expected('a certificate and its key (PEM)', tlsCertificate, 'something else');
    throw new QuietframeError('invalid-argument', message, {}, { cause });
  }
  return { cert, key, minVersion: 'TLSv1.2' };
}

/**
 * Gives a server the certificate and key that their files have when they are renewed, for connections from then on, until
 * the signal aborts. A pair that does not fit is not taken: the other file may be about to follow.
 */
export function renewTls(
  server: Pick<Server, 'setSecureContext'>,
  files: Pick<Config, 'tlsCertificate' | 'tlsKey'>,
  log: FastifyBaseLogger,
  signal: AbortSignal,
): void {
  let current: Tls | undefined;
  const renew = async (): Promise<void> => {
    try {
      const tls = await readTls(files);
      if (tls === undefined || signal.aborted || isDeepStrictEqual(tls, current)) return;
      server.setSecureContext({ ...tls });
      current = tls;
      log.info('The certificate was read');
    } catch (error) {
      log.error({ err: error }, 'The certificate could not be renewed');
    }
  };
  const names = [files.tlsCertificate, files.tlsKey].filter((name) => name !== undefined);
  void watchFiles(names, renew, signal);
}

async function read(file: string): Promise<Buffer> {
  try {
    return await readFile(file);
  } catch (cause) {
    throw new QuietframeError('file-system', `The file ${file} cannot be read`, {}, { cause });
  }
}
