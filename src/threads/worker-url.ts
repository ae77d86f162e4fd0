/**
 * Where a built file is. Worker threads run compiled code even when their starter is run from its source, as tests do.
 * @param path below `dist`, for example `exr/worker.js`; with a slash at its end, a folder.
 */
export function builtUrl(path: string): URL {
  return new URL(import.meta.url.endsWith('.ts') ? `../../dist/${path}` : `../${path}`, import.meta.url);
}
