import { copyFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const folder = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

// The codec is the service's own; what it takes from Node is put in place by code for browsers.
await build({
  entryPoints: [folder('viewer/viewer.ts'), folder('viewer/decode-worker.ts')],
  outdir: folder('dist/viewer'),
  bundle: true,
  format: 'esm',
  target: 'es2022',
  minify: true,
  legalComments: 'inline',
  logLevel: 'warning',
  alias: { 'node:zlib': folder('viewer/zlib.ts'), 'node:buffer': folder('viewer/buffer.ts') },
  loader: { '.wasm': 'binary' },
  // What OpenJPH's script would take from Node is not used in a browser.
  external: ['fs', 'path'],
  plugins: [
    {
      name: 'openjph',
      setup: ({ onResolve }) =>
        onResolve({ filter: /\/openjph\.js$/ }, () => ({ path: folder('viewer/openjph.ts') })),
    },
  ],
});
for (const name of ['index.html', 'style.css'])
  copyFileSync(folder(`viewer/${name}`), folder(`dist/viewer/${name}`));
