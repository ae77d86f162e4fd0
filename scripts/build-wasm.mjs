// Compiles assembly/ to dist/wasm: one build with plain SIMD, which every Node runs, and one with relaxed SIMD.
import { mkdir } from 'node:fs/promises';
import asc from 'assemblyscript/asc';

const MODULES = [
  'auxiliary-prefilter',
  'component-features',
  'kernel-apply',
  'gather-features',
  'neighbor-join',
  'joint-kernels',
  'pkn-non-local-means',
  'pkn-gaussian',
  'pkn-convolution',
  'pkn-cross-bilateral',
  'pkn-preview-features',
];
const BUILDS = { plain: ['simd'], relaxed: ['simd', 'relaxed-simd'] };

await mkdir('dist/wasm', { recursive: true });
for (const module of MODULES) {
  for (const [name, features] of Object.entries(BUILDS)) {
    const { error, stderr } = await asc.main([
      `assembly/${module}.ts`,
      ...['--outFile', `dist/wasm/${module}-${name}.wasm`],
      ...features.flatMap((feature) => ['--enable', feature]),
      ...['--optimizeLevel', '3', '--converge', '--noAssert', '--runtime', 'stub'],
    ]);
    if (error) {
      console.error(stderr.toString());
      throw error;
    }
  }
}
