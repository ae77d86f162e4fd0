// Written by scripts/list-sources.mjs, which the build runs. A new renderer is one file in layers/sources.

/** Renderers with a table of their layers, by name; `generic` is what remains. */
export const SOURCE_NAMES = [
  'arnold',
  'corona',
  'cycles',
  'karma',
  'luxcore',
  'mitsuba',
  'octane',
  'pbrt',
  'redshift',
  'renderman',
  'vray',
  'generic',
] as const;

export type SourceName = (typeof SOURCE_NAMES)[number];
