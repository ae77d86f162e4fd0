import { readFile } from 'node:fs/promises';
import type { FastifyInstance } from 'fastify';
import { QuietframeError } from '../../../errors.js';
import { builtUrl } from '../../../threads/worker-url.js';

const FOLDER = builtUrl('viewer/');

/** Files of the viewer with their media types. */
const FILES = {
  'index.html': 'text/html; charset=utf-8',
  'style.css': 'text/css; charset=utf-8',
  'viewer.js': 'text/javascript; charset=utf-8',
  'decode-worker.js': 'text/javascript; charset=utf-8',
} as const;

/** Nothing but the service's own files runs or is asked for anything; results are pictures of the page's own making. */
const contentSecurityPolicy = (...scripts: readonly string[]): string =>
  [
    "default-src 'none'",
    ["script-src 'self'", ...scripts].join(' '),
    "worker-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    'img-src data: blob:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
const CONTENT_SECURITY_POLICY = contentSecurityPolicy();
/** The worker runs OpenJPH, which is WebAssembly. */
const WORKER_POLICY = contentSecurityPolicy("'wasm-unsafe-eval'");

/** `GET /viewer/{file}`: what the page at `/` loads. */
export function viewerRoute(app: FastifyInstance): void {
  for (const [name, type] of Object.entries(FILES)) {
    if (name === 'index.html') continue;
    app.get(`/viewer/${name}`, async (_request, reply) =>
      reply
        .type(type)
        .header(
          'content-security-policy',
          name === 'decode-worker.js' ? WORKER_POLICY : CONTENT_SECURITY_POLICY,
        )
        .header('cache-control', 'no-cache')
        .send(await viewerFile(name)),
    );
  }
}

/**
 * The page and the headers that it is sent with.
 * @throws QuietframeError `file-system` where the viewer was not built.
 */
export async function viewerPage(): Promise<{ page: Buffer; headers: Readonly<Record<string, string>> }> {
  const headers = {
    'content-type': FILES['index.html'],
    'content-security-policy': CONTENT_SECURITY_POLICY,
    'cache-control': 'no-cache',
  };
  return { page: await viewerFile('index.html'), headers };
}

async function viewerFile(name: string): Promise<Buffer> {
  try {
    return await readFile(new URL(name, FOLDER));
  } catch (cause) {
    throw new QuietframeError('file-system', 'The viewer was not built', {}, { cause });
  }
}
