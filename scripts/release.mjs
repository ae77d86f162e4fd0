/**
 * Makes a release of the version in package.json: the tests pass, CHANGELOG.md gets its heading, the package is packed into
 * `build/`, and the commit is tagged. Nothing is pushed or published.
 *
 *     npm version 1.2.0 --no-git-tag-version && npm run release
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

const at = (path) => new URL(`../${path}`, import.meta.url);
const run = (command, ...args) => execFileSync(command, args, { cwd: at(''), stdio: 'inherit' });

const { version } = JSON.parse(readFileSync(at('package.json'), 'utf8'));
const tag = `v${version}`;
if (execFileSync('git', ['tag', '--list', tag], { cwd: at(''), encoding: 'utf8' }).trim() !== '') {
  throw new Error(`The tag ${tag} exists. Raise the version first: npm version minor --no-git-tag-version`);
}
const changelog = readFileSync(at('CHANGELOG.md'), 'utf8');
if (!/^## Unreleased\n+#{2,3} /m.test(changelog)) {
  throw new Error('CHANGELOG.md has no changes below "## Unreleased"');
}
run('npm', 'test');
const date = new Date().toISOString().slice(0, 10);
writeFileSync(
  at('CHANGELOG.md'),
  changelog.replace('## Unreleased\n', `## Unreleased\n\n## ${version} (${date})\n`),
);
run(
  'git',
  'commit',
  '--quiet',
  '-m',
  `chore(release): ${version}`,
  'package.json',
  'package-lock.json',
  'CHANGELOG.md',
);
mkdirSync(at('build'), { recursive: true });
run('npm', 'pack', '--pack-destination', 'build');
run('git', 'tag', '--annotate', tag, '--message', `quietframe ${version}`);
process.stdout.write(`Tagged ${tag}; the package is in build/. Push with: git push --follow-tags\n`);
