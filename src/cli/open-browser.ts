import { spawn } from 'node:child_process';

/** The program of each system that shows an address in the user's browser. */
const OPENERS: Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>> = {
  darwin: ['open'],
  // `start` is a command of the shell; its first argument is the title of a window.
  win32: ['cmd', '/c', 'start', ''],
};

/**
 * Opens an address in the browser. A machine without a browser is no reason to stop: standard error then names the address.
 * @param url of http or https.
 */
export function openBrowser(url: string): void {
  const [program, ...args] = OPENERS[process.platform] ?? ['xdg-open'];
  const failed = (): void => {
    process.stderr.write(`quietframe: ${program} cannot open a browser. Open ${url} in one\n`);
  };
  const child = spawn(program, [...args, url], { detached: true, stdio: 'ignore' });
  child.on('error', failed).on('exit', (code) => {
    if (code !== 0) failed();
  });
  child.unref();
}

/** The address at which a browser on this machine reaches a service that listens on the given one. */
export function browserUrl(url: string): string {
  const address = new URL(url);
  // These stand for all addresses of the machine and are none themselves.
  if (address.hostname === '0.0.0.0' || address.hostname === '[::]') address.hostname = 'localhost';
  return address.href;
}
