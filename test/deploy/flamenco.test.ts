import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createContext, runInContext } from 'node:vm';
import { expect, it } from 'vitest';
import { exrFile } from '../support/exr-files.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const SCRIPT = readFileSync(new URL('../../deploy/flamenco/quietframe.js', import.meta.url), 'utf8');

interface Command {
  readonly name: string;
  readonly parameters: { readonly exe: string; readonly args: readonly string[] };
}

interface Task {
  readonly name: string;
  readonly type: string;
  readonly commands: Command[];
  readonly dependencies: string[];
}

/** The functions of Flamenco's job compiler that the script calls. */
function compile(settings: Record<string, unknown>): readonly Task[] {
  const tasks: Task[] = [];
  const author = {
    Task: (name: string, type: string) => {
      const task: Task = { name, type, commands: [], dependencies: [] };
      return Object.assign(task, {
        addCommand: (command: Command) => task.commands.push(command),
        addDependency: (other: Task) => task.dependencies.push(other.name),
      });
    },
    Command: (name: string, parameters: Command['parameters']): Command => ({ name, parameters }),
  };
  const frameChunker = (frames: string, size: number): string[] => {
    const [first = 0, last = first] = frames.split('-').map(Number);
    const count = Math.ceil((last - first + 1) / size);
    return Array.from({ length: count }, (_, index) => {
      const [from, to] = [first + index * size, Math.min(first + index * size + size - 1, last)];
      return from === to ? `${from}` : `${from}-${to}`;
    });
  };
  const job = { settings, addTask: (task: Task) => tasks.push(task) };
  runInContext(`${SCRIPT}\ncompileJob(job)`, createContext({ author, frameChunker, path: posix, job }));
  return tasks;
}

const defaults = (): Record<string, unknown> => {
  const settings = runInContext(`${SCRIPT}\nJOB_TYPE.settings`, createContext({})) as {
    key: string;
    default?: unknown;
  }[];
  return Object.fromEntries(settings.map((setting) => [setting.key, setting.default]));
};

it('denoises a chunk when its frames and those around it are rendered', () => {
  const tasks = compile({
    ...defaults(),
    ...{ frames: '1-12', render_chunk_size: 2, denoise_chunk_size: 4, window: 3 },
    ...{ output_folder: '/shots/sq010', blendfile: '/shots/sq010.blend' },
  });
  expect(tasks.map(({ name, type, dependencies }) => [name, type, dependencies.join(' ')])).toEqual([
    ...['1-2', '3-4', '5-6', '7-8', '9-10', '11-12'].map((frames) => [`render-${frames}`, 'blender', '']),
    ['denoise-1-4', 'misc', 'render-1-2 render-3-4 render-5-6'],
    ['denoise-5-8', 'misc', 'render-3-4 render-5-6 render-7-8 render-9-10'],
    ['denoise-9-12', 'misc', 'render-7-8 render-9-10 render-11-12'],
  ]);
  expect(tasks[1]?.commands[0]).toMatchObject({
    name: 'blender-render',
    parameters: {
      blendfile: '/shots/sq010.blend',
      args: [
        ...['--render-output', '/shots/sq010/noisy.######', '--render-format', 'OPEN_EXR_MULTILAYER'],
        ...['--render-frame', '3..4'],
      ],
    },
  });
});

it('has a command that denoises its frames', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'quietframe-flamenco-'));
  for (const n of [1, 2, 3])
    await writeFile(
      join(folder, `noisy.00000${n}.exr`),
      exrFile([{ layers: ['RGB'] }], (_, i) => n + i / 48),
    );
  const tasks = compile({ ...defaults(), frames: '1-3', denoise_chunk_size: 2, output_folder: folder });
  const commands = tasks.filter(({ type }) => type === 'misc').flatMap((task) => task.commands);
  expect(commands.map(({ name, parameters }) => [name, parameters.exe])).toEqual([
    ['exec', 'quietframe'],
    ['exec', 'quietframe'],
  ]);
  for (const { parameters } of commands)
    execFileSync(process.execPath, [MAIN, ...parameters.args], { stdio: 'pipe' });
  expect((await readdir(folder)).filter((name) => name.startsWith('clean'))).toEqual([
    'clean.000001.exr',
    'clean.000002.exr',
    'clean.000003.exr',
  ]);
  await rm(folder, { recursive: true });
});
