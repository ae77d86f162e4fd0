/** Stands for `node:buffer` in a browser. */
export { Buffer } from 'buffer/index.js';
