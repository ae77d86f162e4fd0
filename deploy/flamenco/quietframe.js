// Flamenco job type: renders a Blender file and denoises its frames with quietframe. The scene has to have the passes that
// docs/blender.md names.

// biome-ignore lint/correctness/noUnusedVariables: Flamenco reads it
const JOB_TYPE = {
  label: 'Blender Render, denoised by quietframe',
  description: 'Render OpenEXR frames, and denoise each from the frames around it',
  settings: [
    {
      key: 'frames',
      type: 'string',
      required: true,
      eval: "f'{C.scene.frame_start}-{C.scene.frame_end}'",
      description: 'Frames, such as 1-100 or 1,3,7-9',
    },
    {
      key: 'render_chunk_size',
      type: 'int32',
      default: 1,
      propargs: { min: 1 },
      visible: 'submission',
      description: 'Frames of a task that renders',
    },
    {
      key: 'denoise_chunk_size',
      type: 'int32',
      default: 10,
      propargs: { min: 1 },
      visible: 'submission',
      description: 'Frames of a task that denoises: they share what is computed for their windows',
    },
    {
      key: 'output_folder',
      type: 'string',
      subtype: 'dir_path',
      required: true,
      visible: 'submission',
      description: 'Gets noisy.000001.exr and clean.000001.exr and so on',
    },
    {
      key: 'window',
      type: 'int32',
      default: 7,
      choices: [1, 3, 5, 7],
      visible: 'submission',
      description: 'Most frames that one is denoised from',
    },
    {
      key: 'lambda',
      type: 'float',
      default: 1,
      propargs: { min: 1, max: 10 },
      visible: 'submission',
      description: 'Higher keeps more of the render and its noise',
    },
    { key: 'blendfile', type: 'string', required: true, eval: 'bpy.data.filepath', visible: 'web' },
    { key: 'quietframe', type: 'string', default: 'quietframe', visible: 'web', description: 'The command' },
  ],
};

const PADDING = '######';

// biome-ignore lint/correctness/noUnusedVariables: Flamenco calls it
function compileJob(job) {
  const settings = job.settings;
  const noisy = path.join(settings.output_folder, `noisy.${PADDING}`);
  const clean = path.join(settings.output_folder, `clean.${PADDING}.exr`);

  const renders = frameChunker(settings.frames, settings.render_chunk_size).map((frames) => {
    const task = author.Task(`render-${frames}`, 'blender');
    const args = ['--render-output', noisy, '--render-format', 'OPEN_EXR_MULTILAYER'];
    const chosen = frames.replaceAll('-', '..');
    task.addCommand(
      author.Command('blender-render', {
        exe: '{blender}',
        exeArgs: '{blenderArgs}',
        argsBefore: [],
        blendfile: settings.blendfile,
        args: args.concat(['--render-frame', chosen]),
      }),
    );
    job.addTask(task);
    return { task, frames: listFrames(frames) };
  });

  const reach = (settings.window - 1) / 2;
  for (const frames of frameChunker(settings.frames, settings.denoise_chunk_size)) {
    const task = author.Task(`denoise-${frames}`, 'misc');
    const options = ['--frames', frames, '--window', `${settings.window}`, '--lambda', `${settings.lambda}`];
    task.addCommand(
      author.Command('exec', {
        exe: settings.quietframe,
        args: ['sequence', `${noisy}.exr`, '--output', clean].concat(options),
      }),
    );
    const own = listFrames(frames);
    for (const render of renders) {
      const isNear = render.frames.some((frame) => own.some((other) => Math.abs(frame - other) <= reach));
      if (isNear) task.addDependency(render.task);
    }
    job.addTask(task);
  }
}

/** The numbers of a chunk, as Flamenco writes it: 7, 1-10 or 1,3,5-7. */
function listFrames(chunk) {
  return chunk.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
