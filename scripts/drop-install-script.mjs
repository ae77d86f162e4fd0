import { readFileSync, renameSync, writeFileSync } from 'node:fs';

// quietframe's package bundles onnxruntime-node without its install script. On Linux x64 that script downloads hundreds of
// megabytes for CUDA from another host than the registry, and npm undoes the whole installation if it fails.
const file = new URL('../node_modules/onnxruntime-node/package.json', import.meta.url);
const manifest = JSON.parse(readFileSync(file, 'utf8'));
if (manifest.scripts !== undefined) {
  delete manifest.scripts;
  // Renamed, because the file may be a hard link into a cache.
  const partial = new URL(`package.json.${process.pid}`, file);
  writeFileSync(partial, `${JSON.stringify(manifest, null, 2)}\n`);
  renameSync(partial, file);
}
