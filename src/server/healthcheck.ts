import { readFile } from 'node:fs/promises';
import { get as getHttp } from 'node:http';
import { get as getHttps } from 'node:https';
import { pathToFileURL } from 'node:url';
import { type Config, readConfig, SETTINGS } from '../config.js';

const TIMEOUT_MS = 2500;
type Settings = Pick<Config, 'host' | 'port' | 'tlsCertificate'>;

/** What `serve` was started with: flags go before variables. */
export function servedSettings(
  args: readonly string[],
  environment?: Readonly<Record<string, string | undefined>>,
): Settings {
  const given = (flag: string): string | undefined => {
    const at = args.findLastIndex((arg) => arg === `--${flag}` || arg.startsWith(`--${flag}=`));
    return args[at]?.includes('=') ? args[at].slice(flag.length + 3) : at < 0 ? undefined : args[at + 1];
  };
  const flags = (['host', 'port', 'tlsCertificate'] as const).flatMap((key) => {
    const value = given(SETTINGS[key].flag);
    return value === undefined ? [] : [[key, value]];
  });
  return readConfig(environment, Object.fromEntries(flags));
}

/** Whether the service of these settings, on this machine, answers that it lives. */
export function isLive({ host, port, tlsCertificate }: Settings): Promise<boolean> {
  const address = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host;
  const options = { host: address, port, path: '/healthz/live', timeout: TIMEOUT_MS, agent: false };
  return new Promise((resolve) => {
    const answered = ({ statusCode }: { statusCode?: number | undefined }): void =>
      resolve(statusCode === 200);
    // The certificate is for the name that clients use.
    const request =
      tlsCertificate === undefined
        ? getHttp(options, answered)
        : getHttps({ ...options, rejectUnauthorized: false }, answered);
    request.on('timeout', () => request.destroy(new Error('The service does not answer')));
    request.on('error', () => resolve(false));
  });
}

/** The command line of a container's first process, which is the service. */
async function firstProcess(): Promise<readonly string[]> {
  return (await readFile('/proc/1/cmdline', 'utf8').catch(() => '')).split('\0');
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  process.exit((await isLive(servedSettings(await firstProcess()))) ? 0 : 1);
}
