import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { hasRelaxedSimd } from '../../src/engine/relaxed-simd.js';
import { fastestSimd, WasmBuild } from '../../src/engine/wasm-build.js';

const build = (simd: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(readFileSync(new URL(`../../dist/wasm/kernel-apply-${simd}.wasm`, import.meta.url)));

describe('the choice of a build', () => {
  it('goes by a probe that is valid where the relaxed build is', () => {
    const simd = fastestSimd();
    expect(hasRelaxedSimd()).toBe(simd === 'relaxed');
    expect(WebAssembly.validate(build('relaxed'))).toBe(hasRelaxedSimd());
    expect(WebAssembly.validate(build('plain'))).toBe(true);
    expect(new WasmBuild('kernel-apply').simd).toBe(simd);
  });

  it('turns to plain SIMD where the engine refuses relaxed SIMD', () => {
    const module = new URL('../../dist/engine/wasm-build.js', import.meta.url).href;
    const script = `
      WebAssembly.validate = () => false;
      const { fastestSimd, WasmBuild } = await import(${JSON.stringify(module)});
      const run = (simd) => { try { return new WasmBuild('kernel-apply', simd).simd; } catch (e) { return e.code; } };
      console.log([fastestSimd(), run(), run('relaxed')].join());`;
    const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
      encoding: 'utf8',
    });
    expect(output.trim()).toBe('plain,plain,internal');
  });
});
