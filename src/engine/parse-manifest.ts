import { Reader } from './manifest-reader.js';
import {
  type Architecture,
  type AuxiliaryPrefilterManifest,
  type ErrorPredictorManifest,
  type ModelManifest,
  type ModuleFile,
  NETWORK_CONSTANTS,
  NETWORK_MODULES,
  PREFILTER_CONSTANTS,
  type PrefilterConstants,
  type ReceptiveRadius,
} from './model-manifest.js';

const NAME = /^[a-z0-9][a-z0-9-]{0,63}$/;
const FILE = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$/;
const SHA256 = /^[0-9a-f]{64}$/;

/** Graphs for GPUs, of bundles that have them. */
const GPU_GRAPHS = ['frame_graph', 'window_graph'];

/** Least and most value of every number of the architecture. */
const ARCHITECTURE_RANGES: Readonly<Record<keyof Architecture, readonly [number, number]>> = {
  inputChannels: [13, 13],
  featureChannels: [1, 1024],
  blocks: [0, 64],
  contextChannels: [1, 64],
  embeddingChannels: [0, 8],
  kernelSize: [3, 21],
  levels: [1, 8],
  compositorChannels: [1, 1024],
  windowSize: [7, 7],
  temporalBlocks: [0, 64],
  neighborKernelSize: [3, 21],
  quarterBlocks: [0, 64],
  quarterChannels: [0, 1024],
  detailHiddenChannels: [0, 1024],
};

/** Largest side of kernels on filtered frames. */
const MAX_FACTORED_SIZE = 9;

/** Parts of the network that older bundles do not have. */
const LATER_PARTS = { quarterBlocks: 0, quarterChannels: 0, detailHiddenChannels: 0 };

/** The same for the auxiliary prefilter. */
const PREFILTER_RANGES: Readonly<
  Record<Exclude<keyof AuxiliaryPrefilterManifest, keyof PrefilterConstants>, readonly [number, number]>
> = {
  featureChannels: [1, 1024],
  blocks: [0, 64],
  contextChannels: [1, 64],
  embeddingChannels: [1, 8],
  kernelSize: [3, 21],
  levels: [1, 5],
  receptiveRadius: [0, 256],
};

/** Least and most value of every constant. */
const CONSTANT_RANGE = [1e-6, 1e3] as const;

const RADII: readonly (keyof ReceptiveRadius)[] = ['features', 'compositor', 'temporal', 'specialization'];

/** Whether the text of a `model.json` describes a network that predicts parameters of filters, not kernels. */
export function hasHeads(text: string): boolean {
  try {
    const manifest: unknown = JSON.parse(text);
    return typeof manifest === 'object' && manifest !== null && 'heads' in manifest;
  } catch {
    return false;
  }
}

/**
 * Reads and checks the text of a `model.json`.
 * @param origin names the bundle in errors, as `kpcn/1`.
 * @throws QuietframeError `model-damaged` when anything is missing, unknown or out of range.
 */
export function parseManifest(text: string, origin: string): ModelManifest {
  const reader = new Reader(origin);
  const root = reader.record(
    reader.json(text),
    'the manifest',
    [
      ...['formatVersion', 'name', 'version', 'description', 'license', 'architecture', 'receptiveRadius'],
      ...['sources', 'modules', 'training'],
    ],
    ['errorPredictor', 'auxiliaryPrefilter', 'constants'],
  );
  if (root.formatVersion !== 4) throw reader.error('4', 'formatVersion', root.formatVersion);
  const architecture = parseArchitecture(root.architecture, reader);
  const radius = reader.record(root.receptiveRadius, 'receptiveRadius', RADII);
  const receptiveRadius = Object.fromEntries(
    RADII.map((name) => [name, reader.integer(radius[name], `receptiveRadius.${name}`, 0, 1024)]),
  ) as Record<keyof ReceptiveRadius, number>;
  const sources = reader.list(root.sources, 'sources').map((source) => reader.text(source, 'a source', NAME));
  if (!sources.includes('color')) throw reader.error('"color" among them', 'sources', sources);
  const errorPredictor = parseErrorPredictor(root.errorPredictor, reader);
  const auxiliaryPrefilter = parseAuxiliaryPrefilter(root.auxiliaryPrefilter, reader);
  return {
    formatVersion: 4,
    name: reader.text(root.name, 'name', NAME),
    version: reader.integer(root.version, 'version', 1, 1e6),
    description: reader.text(root.description, 'description'),
    license: reader.text(root.license, 'license'),
    architecture,
    receptiveRadius,
    constants: parseConstants(root.constants ?? {}, 'constants', NETWORK_CONSTANTS, reader),
    sources,
    modules: parseModules(
      root.modules,
      tensorShapes(architecture, auxiliaryPrefilter),
      [
        ...sources.map((source) => `source_encoder.${source}`),
        ...NETWORK_MODULES,
        'kernel_logits',
        ...(errorPredictor ? ['error_predictor'] : []),
        ...(auxiliaryPrefilter ? ['auxiliary_prefilter', 'auxiliary_prefilter_logits'] : []),
        ...gpuGraphs(root.modules),
      ],
      reader,
    ),
    ...(errorPredictor && { errorPredictor }),
    ...(auxiliaryPrefilter && { auxiliaryPrefilter }),
    training: reader.record(root.training, 'training'),
  };
}

function parseArchitecture(value: unknown, reader: Reader): Architecture {
  const architecture = parseNumbers(
    value,
    'architecture',
    ARCHITECTURE_RANGES,
    ['kernelSize', 'neighborKernelSize'],
    reader,
    LATER_PARTS,
  );
  const { kernelSize, neighborKernelSize: size } = architecture;
  if (size > MAX_FACTORED_SIZE && size !== kernelSize) {
    throw reader.error(
      `at most ${MAX_FACTORED_SIZE}, or kernelSize`,
      'architecture.neighborKernelSize',
      size,
    );
  }
  return architecture;
}

function parseAuxiliaryPrefilter(value: unknown, reader: Reader): AuxiliaryPrefilterManifest | undefined {
  if (value === undefined) return undefined;
  const name = 'auxiliaryPrefilter';
  const entries = Object.entries(reader.record(value, name));
  const isConstant = ([key]: [string, unknown]): boolean => key in PREFILTER_CONSTANTS;
  const constants = Object.fromEntries(entries.filter(isConstant));
  const numbers = Object.fromEntries(entries.filter((entry) => !isConstant(entry)));
  return {
    ...parseNumbers(numbers, name, PREFILTER_RANGES, ['kernelSize'], reader),
    ...parseConstants(constants, name, PREFILTER_CONSTANTS, reader),
  };
}

/** Numbers of which any may be missing. */
function parseConstants<Name extends string>(
  value: unknown,
  of: string,
  defaults: Readonly<Record<Name, number>>,
  reader: Reader,
): Record<Name, number> {
  const names = Object.keys(defaults) as Name[];
  const numbers = { ...defaults, ...reader.record(value, of, [], names) };
  return Object.fromEntries(
    names.map((name) => [name, reader.number(numbers[name], `${of}.${name}`, ...CONSTANT_RANGE)]),
  ) as Record<Name, number>;
}

/** An object of whole numbers within their ranges, some of which are odd; those that have a default may be missing. */
function parseNumbers<Name extends string>(
  value: unknown,
  of: string,
  ranges: Readonly<Record<Name, readonly [number, number]>>,
  odd: readonly NoInfer<Name>[],
  reader: Reader,
  defaults?: Readonly<Partial<Record<NoInfer<Name>, number>>>,
): Record<Name, number> {
  const names = Object.keys(ranges) as Name[];
  const rangeOf = (name: Name): readonly [number, number] => ranges[name];
  const optional = Object.keys(defaults ?? {});
  const required = names.filter((name) => !optional.includes(name));
  const numbers: Record<string, unknown> = { ...defaults, ...reader.record(value, of, required, optional) };
  const parsed = Object.fromEntries(
    names.map((name) => [name, reader.integer(numbers[name], `${of}.${name}`, ...rangeOf(name))]),
  ) as Record<Name, number>;
  for (const name of odd) {
    if (parsed[name] % 2 === 0) throw reader.error('an odd number', `${of}.${name}`, parsed[name]);
  }
  return parsed;
}

function parseErrorPredictor(value: unknown, reader: Reader): ErrorPredictorManifest | undefined {
  if (value === undefined) return undefined;
  const name = 'errorPredictor';
  const entry = reader.record(value, name, ['errorChannels', 'receptiveRadius', 'decay']);
  const channels = reader.list(entry.errorChannels, `${name}.errorChannels`);
  if (channels.join() !== 'SMAPE,DSSIM')
    throw reader.error('SMAPE, DSSIM', `${name}.errorChannels`, channels);
  const { decay } = entry;
  if (typeof decay !== 'number' || !(decay > 0 && decay <= 1)) {
    throw reader.error('a number in (0, 1]', `${name}.decay`, decay);
  }
  return {
    errorChannels: ['SMAPE', 'DSSIM'],
    receptiveRadius: reader.integer(entry.receptiveRadius, `${name}.receptiveRadius`, 0, 1024),
    decay,
  };
}

/** Both graphs where the modules name one of them. */
function gpuGraphs(modules: unknown): string[] {
  const names = typeof modules === 'object' && modules !== null ? Object.keys(modules) : [];
  return names.some((name) => GPU_GRAPHS.includes(name)) ? GPU_GRAPHS : [];
}

/** Shapes of the modules that are tensors. */
function tensorShapes(
  a: Architecture,
  prefilter: AuxiliaryPrefilterManifest | undefined,
): Readonly<Record<string, readonly number[]>> {
  return {
    kernel_logits: [a.kernelSize ** 2, a.contextChannels + 1],
    ...(prefilter && {
      auxiliary_prefilter_logits: [prefilter.kernelSize ** 2, prefilter.contextChannels + 1],
    }),
  };
}

function parseModules(
  value: unknown,
  shapes: Readonly<Record<string, readonly number[]>>,
  names: readonly string[],
  reader: Reader,
): Record<string, ModuleFile> {
  const entries = reader.record(value, 'modules', names);
  return Object.fromEntries(
    names.map((name) => {
      const shape = shapes[name];
      const keys = shape === undefined ? ['file', 'sha256'] : ['file', 'sha256', 'shape'];
      const entry = reader.record(entries[name], `modules.${name}`, keys);
      const file = reader.text(entry.file, `modules.${name}.file`, FILE);
      const sha256 = reader.text(entry.sha256, `modules.${name}.sha256`, SHA256);
      if (shape === undefined) return [name, { file, sha256 }];
      const received = reader.list(entry.shape, `modules.${name}.shape`);
      if (received.length !== shape.length || received.some((size, i) => size !== shape[i])) {
        throw reader.error(`[${shape}]`, `modules.${name}.shape`, `[${received}]`);
      }
      return [name, { file, sha256, shape }];
    }),
  );
}
