import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Browser, chromium } from 'playwright-core';

export const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
export const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  existsSync,
);
/** Where screenshots go, to be looked at. */
export const SHOTS = path('out/viewer');
/** A network of the newest format with random weights: it has windows and lambda. */
export const MODELS = path('test/golden/tiny-bundle');

/** A service of its own process, and its address. */
export async function serve(models: string, ...more: readonly string[]): Promise<[ChildProcess, string]> {
  const settings = ['--port', '0', '--models', models, '--threads', '2', '--log', 'error', ...more];
  const service = spawn(process.execPath, [path('dist/cli/main.js'), 'serve', ...settings], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const address = await new Promise<string>((resolve, reject) => {
    service.once('exit', (code) => reject(new Error(`The service ended with ${code}`)));
    service.stdout?.on('data', (text: Buffer) => {
      const found = /http:\/\/\S+/.exec(text.toString())?.[0];
      if (found !== undefined) resolve(found);
    });
  });
  return [service, address];
}

/** A real Chromium that draws WebGL in software. */
export function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM ?? '',
    args: ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'],
  });
}
