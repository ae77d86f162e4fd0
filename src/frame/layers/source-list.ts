// Written by scripts/list-sources.mjs, which the build runs. A new renderer is one file in layers/sources.

import type { RenderSource } from './render-source.js';
import { arnold } from './sources/arnold.js';
import { corona } from './sources/corona.js';
import { cycles } from './sources/cycles.js';
import { generic } from './sources/generic.js';
import { karma } from './sources/karma.js';
import { luxcore } from './sources/luxcore.js';
import { mitsuba } from './sources/mitsuba.js';
import { octane } from './sources/octane.js';
import { pbrt } from './sources/pbrt.js';
import { redshift } from './sources/redshift.js';
import { renderman } from './sources/renderman.js';
import { vray } from './sources/vray.js';

/** All renderers that are known, by name; `generic`, what remains, is the last. */
export const SOURCES: readonly RenderSource[] = [
  arnold,
  corona,
  cycles,
  karma,
  luxcore,
  mitsuba,
  octane,
  pbrt,
  redshift,
  renderman,
  vray,
  generic,
];
