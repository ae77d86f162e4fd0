import { expect, it } from 'vitest';
import { NEEDS, ROLES } from '../../src/frame/layers/render-source.js';
import { SOURCES } from '../../src/frame/layers/source-list.js';

const code = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ');

function renderersPage(): string {
  const sections = SOURCES.flatMap((source) => {
    const rows = ROLES.flatMap((role) => {
      const layers =
        role === 'colorVariance' || role === 'albedoVariance' || role === 'normalVariance'
          ? source.variances.filter((variance) => variance.role === role).map(({ layer }) => layer)
          : (source.roles[role] ?? []);
      return layers.length === 0 ? [] : [`| ${role} | ${code(layers)} |`];
    });
    const lights = source.lights.map(({ layer }) => layer);
    return [
      `## ${source.description} (\`${source.name}\`)`,
      '',
      '| role | layers, preferred first |',
      '|---|---|',
      ...rows,
      ...(lights.length === 0 ? [] : [`| layers of light | ${code(lights)} |`]),
      '',
      `Normals: ${source.normalSpace} space. Motion vectors: ${source.motionConvention}. Encoder for measured variances: ${source.encoder ?? 'generic'}.`,
      '',
      ...NEEDS.map((need) => `- ${need}: ${source.recipe[need]}.`),
      '',
      ...(source.references.length === 0
        ? []
        : [
            `Names from ${source.references.map((url, i) => `[${i === 0 ? "the renderer's documentation" : i + 1}](${url})`).join(', ')}.`,
            '',
          ]),
    ];
  });
  return `${[
    '# Renderers',
    '',
    '`npm run build:docs` generates this page from `src/frame/layers/sources`, where every renderer is one file. `quietframe inspect`',
    'shows what was detected and prints the steps that a file lacks. A layer matches from the right and in any case of letters. After',
    "the renderer's names, quietframe looks for the names of `generic`. `source` overrides the detection, `layers` single roles.",
    '',
    'Where the convention of motion vectors is `unknown`, they are not read: `motion` says how, see [windows.md](windows.md).',
    '',
    ...sections,
  ]
    .join('\n')
    .trimEnd()}\n`;
}

it('is the table of the renderers; `npm run build:docs` writes it', async () => {
  await expect(renderersPage()).toMatchFileSnapshot('../../docs/renderers.md');
});
