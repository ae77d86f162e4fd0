/** Lets Node load the stand-in where a package wants its native library. Also in worker threads: NODE_OPTIONS=--require. */
const { readFileSync } = require('node:fs');
const Module = require('node:module');

const native = Module._extensions['.node'];
Module._extensions['.node'] = (module, path) => {
  if (path.endsWith('tfjs_binding.node')) module._compile(readFileSync(path, 'utf8'), path);
  else native(module, path);
};
