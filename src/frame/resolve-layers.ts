import { expected, QuietframeError } from '../errors.js';
import { type Attribute, type Box, boxHeight, boxWidth } from '../image/image.js';
import { type ChannelGroup, channelGroups, type PartChannels } from './channel-groups.js';
import type { InputWarning, SourceName, WarningCode } from './frame.js';
import { namedMotion } from './motion.js';
import type {
  LayerAlias,
  MotionConvention,
  RenderSource,
  Role,
  VarianceKind,
  VarianceRole,
} from './render-source.js';
import { ROLES } from './render-source.js';
import { cycles } from './sources/cycles.js';
import { generic } from './sources/generic.js';
import { mitsuba } from './sources/mitsuba.js';
import { pbrt } from './sources/pbrt.js';

/** All renderers that are known, in the order in which they are recognised; `generic` is what remains. */
export const SOURCES: readonly RenderSource[] = [cycles, mitsuba, pbrt, generic];

/** Channels of one part, in the order of their meaning (R, G, B or X, Y, Z). */
export interface PlannedLayer {
  readonly part: number;
  /** Full channel names. */
  readonly channels: readonly string[];
}

export interface PlannedVariance extends PlannedLayer {
  /** `second-moment`: E[x^2] of samples whose E[x] is `mean`. */
  readonly kind: VarianceKind | 'second-moment';
  readonly mean?: PlannedLayer;
}

/** A layer of light that is filtered with the kernels of the colour. */
export interface PlannedLight {
  /** Layer name without the view layer. */
  readonly name: string;
  readonly layer: PlannedLayer;
  /** The surface's colour that the light was divided by: their product is what adds up to the beauty. */
  readonly surface?: PlannedLayer;
  /** What it is a part of, where the beauty is split; layers that the tables do not know may hold anything. */
  readonly component: 'irradiance' | 'specular' | 'beauty';
}

/** One line of "which channel is used as what". */
export interface ChannelUse {
  readonly part: number;
  readonly channel: string;
  readonly usedAs:
    | Role
    | 'alpha'
    | 'colorMean'
    | 'albedoMean'
    | 'normalMean'
    | 'light'
    | 'lightSurface'
    | 'result';
}

/** Which channels play which role. Holds names only: nothing has been decoded yet. */
export interface LayerPlan {
  readonly source: SourceName;
  /** Stereo view that is denoised, where the file has more than one. */
  readonly view: string | undefined;
  /** Data window of the colour; everything in the plan shares it. */
  readonly dataWindow: Box;
  readonly layers: Readonly<Partial<Record<Exclude<Role, VarianceRole>, PlannedLayer>>> & {
    readonly color: PlannedLayer;
  };
  readonly variances: Readonly<Partial<Record<VarianceRole, PlannedVariance>>>;
  /** Those that the request asks for. */
  readonly lights: readonly PlannedLight[];
  /** Where the denoised colour is written: the beauty that others read. */
  readonly target: PlannedLayer;
  /** Alpha of the noisy colour, and where a denoised one is written. */
  readonly alpha: { readonly read: PlannedLayer; readonly target: PlannedLayer } | undefined;
  /** Samples of a pixel, as the request or the header tells. */
  readonly samplesPerPixel: number | undefined;
  readonly normalSpace: RenderSource['normalSpace'];
  readonly motionConvention: MotionConvention;
  readonly uses: readonly ChannelUse[];
  readonly warnings: readonly InputWarning[];
}

export interface ResolveOptions {
  /** `auto`, the default, recognises the renderer by attributes and channel names. */
  readonly source?: SourceName | 'auto';
  /** Layer by role, over the renderer's table; `none` for a role leaves it out. A layer matches from the right. */
  readonly layers?: Readonly<Partial<Record<Role, string>>>;
  /**
   * How the layer of motion vectors is read, over the renderer's table: `none`, or a `MotionConvention`; `auto`, the default,
   * leaves it to the table.
   */
  readonly motion?: string;
  /** Samples of a pixel, where the header does not tell; some variance layers need it. */
  readonly samplesPerPixel?: number;
  /**
   * Layers of light (AOVs, light groups) to denoise with the kernels of the colour: `all` that the renderer's table knows,
   * or names of layers, which match from the right; none by default.
   */
  readonly aovs?: 'all' | readonly string[];
}

/**
 * Finds out which channel of which part plays which role.
 * @throws QuietframeError `missing-layer` when there is no colour or a layer that was asked for by name, naming what was
 * looked for; `invalid-argument` for an unknown source, role or convention of motion.
 */
export function resolveLayers(parts: readonly PartChannels[], options: ResolveOptions = {}): LayerPlan {
  return new Resolver(parts, options).plan();
}

/** The renderer that wrote a file, by its attributes and channel names. */
export function detectSource(parts: readonly PartChannels[]): RenderSource {
  const attributes = parts.flatMap((part) =>
    [...part.attributes].flatMap(([name, attribute]) => [name, `${name}=${textOf(attribute) ?? ''}`]),
  );
  const channels = parts.flatMap((part) => part.channels.map((channel) => channel.name));
  const isSeen = (source: RenderSource): boolean =>
    source.detect.attributes.some((pattern) => attributes.some((text) => pattern.test(text))) ||
    source.detect.channels.some((pattern) => channels.some((name) => pattern.test(name)));
  return SOURCES.find(isSeen) ?? generic;
}

/** Layers by role as requests write them: `role=layer` with commas between, by the names of the roles. */
export function layersText(layers: NonNullable<ResolveOptions['layers']>): string {
  const pairs = Object.entries(layers).map(([role, layer]) => `${role}=${layer}`);
  return pairs.sort().join(',');
}

/** Channels by suffix for a layer that was asked for by name. */
const SUFFIXES: Readonly<Record<Role | 'light', readonly string[]>> = {
  color: ['RGB', 'XYZ'],
  albedo: ['RGB', 'XYZ'],
  normal: ['XYZ', 'RGB'],
  depth: ['Z', 'T', 'V', 'X', 'R', 'Y'],
  motion: ['XYZW', 'XY', 'RGBA', 'RG'],
  colorVariance: ['RGB', 'XYZ'],
  albedoVariance: ['RGB', 'XYZ'],
  normalVariance: ['XYZ', 'RGB'],
  diffuseDirect: ['RGB'],
  diffuseIndirect: ['RGB'],
  diffuseColor: ['RGB'],
  light: ['RGB'],
};

/** A group of channels that fits an alias; `prefix` is what stands before the alias: the view layer. */
interface Match {
  readonly group: ChannelGroup;
  readonly prefix: string;
  readonly layer: PlannedLayer;
}

class Resolver {
  readonly #parts: readonly PartChannels[];
  readonly #options: ResolveOptions;
  readonly #source: RenderSource;
  readonly #groups: readonly ChannelGroup[];
  readonly #warnings: InputWarning[] = [];

  constructor(parts: readonly PartChannels[], options: ResolveOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#source = sourceOf(parts, options.source ?? 'auto');
    this.#groups = channelGroups(parts);
    for (const role of Object.keys(options.layers ?? {})) {
      if (ROLES.some((known) => known === role)) continue;
      throw new QuietframeError('invalid-argument', expected(`one of ${ROLES.join(', ')}`, 'a role', role), {
        parameter: 'layers',
      });
    }
  }

  plan(): LayerPlan {
    const color = this.#color();
    const find = (role: Exclude<Role, VarianceRole>): Match | undefined => this.#companion(role, color);
    const albedo = find('albedo');
    const normal = find('normal');
    if (albedo === undefined) this.#warnMissing('albedo');
    if (normal === undefined) this.#warnMissing('normal');
    const layers = this.#companions(color, albedo, normal);
    const target = this.#target(color);
    const samplesPerPixel = this.#options.samplesPerPixel ?? samplesAttribute(this.#parts);
    const variances = this.#variances(color, albedo, normal, samplesPerPixel);
    const alphaChannel = (match: Match): PlannedLayer | undefined => {
      const name = match.group.channels.get('A');
      return name === undefined ? undefined : { part: match.group.part, channels: [name] };
    };
    const lights = this.#lights(color, target, layers);
    const alphaTarget = alphaChannel(target);
    const alpha =
      alphaTarget === undefined
        ? undefined
        : { read: alphaChannel(color) ?? alphaTarget, target: alphaTarget };
    return {
      source: this.#source.name,
      view: color.group.view,
      dataWindow: this.#window(color),
      layers,
      variances,
      lights,
      target: target.layer,
      alpha,
      samplesPerPixel,
      normalSpace: this.#source.normalSpace,
      motionConvention: this.#motionConvention(layers.motion),
      uses: usesOf(layers, variances, lights, alpha?.read, target.layer),
      warnings: this.#warnings,
    };
  }

  /** @throws QuietframeError `missing-layer` where a convention is named and there are no vectors. */
  #motionConvention(layer: PlannedLayer | undefined): MotionConvention {
    const { motion = 'auto' } = this.#options;
    if (motion === 'auto') return this.#source.motionConvention;
    const named = namedMotion(motion);
    const channels = /^(cycles|to-both)/.test(named) ? 4 : 2;
    if (named === 'unknown' || (layer?.channels.length ?? 0) >= channels) return named;
    const range = `a layer of ${channels} channels for motion=${motion}`;
    const received = layer === undefined ? 'none' : layer.channels.join(', ');
    throw new QuietframeError('missing-layer', expected(range, 'the role motion', received), {
      layer: 'motion',
    });
  }

  #color(): Match {
    const asked = this.#options.layers?.color;
    if (asked === 'none') {
      throw new QuietframeError('invalid-argument', expected('a layer', 'the role color', 'none'), {
        parameter: 'layers',
      });
    }
    const aliases = asked === undefined ? this.#aliases('color') : [];
    const matches =
      asked === undefined
        ? aliases.map((alias) => this.#matches(alias)).find((some) => some.length > 0)
        : this.#named('color', asked);
    const renders = matches?.filter(({ prefix }) => prefix !== this.#source.composite);
    const found = renders?.length ? renders : matches;
    const first = found?.[0];
    if (found === undefined || first === undefined) {
      const seen = [...new Set(this.#groups.map((group) => group.layer || 'channels without a layer'))];
      const range = `one of the layers ${aliases.join(', ')}`;
      throw new QuietframeError(
        'missing-layer',
        expected(range, `the colour of a ${this.#source.name} file`, shorten(seen)),
        { layer: 'color' },
      );
    }
    const views = [...new Set(found.map((match) => match.group.view))];
    if (views.length > 1) {
      const others = views.slice(1).join(', ');
      this.#warn('other-views', `Only the view ${first.group.view} is denoised, not ${others}`);
    }
    const prefixes = [...new Set(found.map((match) => match.prefix))].filter((each) => each !== first.prefix);
    if (prefixes.length > 0) {
      const others = prefixes.map((each) => each || 'the one without a name').join(', ');
      this.#warn(
        'other-layers',
        `Only the view layer ${first.prefix || 'without a name'} is denoised, not ${others}`,
      );
    }
    return first;
  }

  #companions(color: Match, albedo: Match | undefined, normal: Match | undefined): LayerPlan['layers'] {
    const found: Partial<Record<Exclude<Role, VarianceRole>, PlannedLayer>> = { color: color.layer };
    if (albedo !== undefined) found.albedo = albedo.layer;
    if (normal !== undefined) found.normal = normal.layer;
    for (const role of ['depth', 'motion', 'diffuseDirect', 'diffuseIndirect', 'diffuseColor'] as const) {
      const match = this.#companion(role, color);
      if (match !== undefined) found[role] = match.layer;
    }
    // The split is of use only as a whole.
    const { diffuseDirect, diffuseIndirect, diffuseColor, ...rest } = found;
    const whole = diffuseDirect !== undefined && diffuseIndirect !== undefined && diffuseColor !== undefined;
    return { ...(whole ? found : rest), color: color.layer };
  }

  /** The layer of a role that goes with the colour: same view, same size, same view layer if there are several. */
  #companion(role: Exclude<Role, VarianceRole>, color: Match): Match | undefined {
    const asked = this.#options.layers?.[role];
    if (asked === 'none') return undefined;
    if (asked !== undefined) return this.#fitting(role, this.#named(role, asked), color, true);
    for (const alias of this.#aliases(role)) {
      const match = this.#fitting(role, this.#matches(alias), color, false);
      const isColor = match?.layer.channels.some((name) => color.layer.channels.includes(name));
      if (match !== undefined && !(isColor && match.group.part === color.group.part)) return match;
    }
    return undefined;
  }

  #fitting(role: string, matches: readonly Match[], color: Match, asked: boolean): Match | undefined {
    const inView = matches.filter((match) => match.group.view === color.group.view);
    const candidates = inView.filter((match) => sameBox(this.#window(match), this.#window(color)));
    const odd = inView[0];
    if (candidates.length === 0 && odd !== undefined) {
      const shown = odd.layer.channels.join(', ');
      if (asked) {
        const range = 'the data window of the colour';
        throw new QuietframeError('mismatched-frames', expected(range, `the channels ${shown}`, 'another'), {
          layer: role,
        });
      }
      this.#warn('different-window', `${shown} is not used: its data window differs from the colour's`, role);
    }
    const own = candidates.find((match) => match.prefix === color.prefix);
    const prefixes = new Set(candidates.map((match) => match.prefix));
    return own ?? (prefixes.size === 1 || asked ? candidates[0] : undefined);
  }

  #target(color: Match): Match {
    const aliases = this.#options.layers?.color === undefined ? (this.#source.target ?? []) : [];
    for (const alias of aliases) {
      const match = this.#matches(alias).find(
        ({ group, prefix }) => group.view === color.group.view && prefix === color.prefix,
      );
      if (match !== undefined && sameBox(this.#window(match), this.#window(color))) return match;
    }
    return color;
  }

  /** Layers of light beside the colour, every layer once. */
  #lights(
    color: Match,
    target: Match,
    { diffuseDirect, diffuseIndirect }: LayerPlan['layers'],
  ): PlannedLight[] {
    const irradiance = [diffuseDirect, diffuseIndirect].flatMap((layer) => (layer ? [key(layer)] : []));
    const { aovs = [] } = this.#options;
    const known = [...new Set([...this.#source.lights, ...generic.lights])];
    const found =
      aovs === 'all'
        ? known.flatMap(({ layer }) => this.#matches(layer))
        : aovs.map((name) => this.#fitting(name, this.#named('light', name), color, true) as Match);
    const lights = new Map<string, PlannedLight>();
    for (const match of found) {
      const { group, prefix, layer } = match;
      const isOther = [color, target].every((beauty) => key(beauty.layer) !== key(layer));
      const isOfColor = group.view === color.group.view && prefix === color.prefix;
      if (!isOther || !(isOfColor || aovs !== 'all') || !sameBox(this.#window(match), this.#window(color)))
        continue;
      const table = known.find((light) =>
        this.#matches(light.layer).some((same) => key(same.layer) === key(layer)),
      );
      const surfaces = table?.surface === undefined ? [] : this.#matches(table.surface);
      const surface = surfaces.find((other) => other.group.view === group.view && other.prefix === prefix);
      if (table?.surface !== undefined && surface === undefined) {
        const shown = group.layer;
        this.#warn(
          'missing-surface',
          `${shown} is without the surface's colour, which the file does not have`,
          shown,
        );
      }
      lights.set(key(layer), {
        name: group.layer.slice(prefix === '' ? 0 : prefix.length + 1),
        layer,
        ...(surface && { surface: surface.layer }),
        component: irradiance.includes(key(layer))
          ? 'irradiance'
          : table === undefined || table.isGroup
            ? 'beauty'
            : 'specular',
      });
    }
    if (aovs === 'all' && lights.size === 0) {
      this.#warn('no-lights', `No layer of light was found beside the colour of a ${this.#source.name} file`);
    }
    return [...lights.values()];
  }

  #variances(
    color: Match,
    albedo: Match | undefined,
    normal: Match | undefined,
    samplesPerPixel: number | undefined,
  ): LayerPlan['variances'] {
    const found: Partial<Record<VarianceRole, PlannedVariance>> = {};
    for (const { role, layer, kind } of this.#source.variances) {
      if (found[role] !== undefined || this.#options.layers?.[role] !== undefined) continue;
      const match = this.#fitting(role, this.#matches(layer), color, false);
      if (match !== undefined) found[role] = { ...match.layer, kind };
    }
    for (const role of ['colorVariance', 'albedoVariance', 'normalVariance'] as const) {
      const asked = this.#options.layers?.[role];
      if (asked === undefined || asked === 'none') continue;
      const match = this.#fitting(role, this.#named(role, asked), color, true);
      if (match !== undefined) found[role] = { ...match.layer, kind: 'mean' };
    }
    const prefix = this.#source.secondMomentPrefix;
    if (prefix !== undefined) this.#moments(prefix, found, color, albedo, normal);
    const needy = Object.values(found).filter((variance) => variance.kind !== 'mean');
    if (samplesPerPixel === undefined && needy.length > 0) {
      const shown = needy.map((variance) => variance.channels.join(', ')).join('; ');
      this.#warn(
        'samples-unknown',
        `The variance of ${shown} is of samples and the file does not tell their number: it is not used`,
      );
      return Object.fromEntries(Object.entries(found).filter(([, variance]) => variance.kind === 'mean'));
    }
    return found;
  }

  #moments(
    prefix: string,
    found: Partial<Record<VarianceRole, PlannedVariance>>,
    color: Match,
    albedo: Match | undefined,
    normal: Match | undefined,
  ): void {
    const secondOf = ({ part, layer }: ChannelGroup, suffixes: string): PlannedLayer | undefined => {
      const dot = layer.lastIndexOf('.') + 1;
      const names = [prefix + layer, layer.slice(0, dot) + prefix + layer.slice(dot)];
      const group = this.#groups.find((other) => other.part === part && names.includes(other.layer));
      return group === undefined ? undefined : channelsOf(group, suffixes);
    };
    const set = (role: VarianceRole, group: ChannelGroup | undefined, suffixes: string): void => {
      if (group === undefined || found[role] !== undefined || this.#options.layers?.[role] === 'none') return;
      const second = secondOf(group, suffixes);
      const mean = channelsOf(group, suffixes);
      if (second !== undefined && mean !== undefined)
        found[role] = { ...second, kind: 'second-moment', mean };
    };
    set('albedoVariance', albedo?.group, 'RGB');
    set('normalVariance', normal?.group, 'XYZ');
    const own = [...this.#groups]
      .filter((group) => group.part === color.group.part && !isMoment(group.layer, prefix))
      .sort((a, b) => a.layer.split('.').length - b.layer.split('.').length);
    // The copy of the beauty has an alpha; the integrator's own colour is CIE XYZ and has the shortest name.
    for (const group of own) if (group.channels.has('A')) set('colorVariance', group, 'RGB');
    for (const group of own) if (group !== normal?.group) set('colorVariance', group, 'XYZ');
  }

  #aliases(role: Exclude<Role, VarianceRole>): readonly LayerAlias[] {
    return [...new Set([...(this.#source.roles[role] ?? []), ...(generic.roles[role] ?? [])])];
  }

  #matches(alias: LayerAlias): Match[] {
    const dot = alias.lastIndexOf('.');
    const suffixes = alias.slice(dot + 1);
    return this.#groups.flatMap((group) => {
      const prefix = prefixBefore(group, alias.slice(0, Math.max(0, dot)), suffixes);
      const layer = channelsOf(group, suffixes);
      const moment = isMoment(group.layer, this.#source.secondMomentPrefix);
      const taken = alias.startsWith('*.') && this.#isVariance(group);
      return prefix === undefined || layer === undefined || moment || taken ? [] : [{ group, prefix, layer }];
    });
  }

  #isVariance(group: ChannelGroup): boolean {
    return this.#source.variances.some(({ layer }) => {
      const dot = layer.lastIndexOf('.');
      return prefixBefore(group, layer.slice(0, dot), layer.slice(dot + 1)) !== undefined;
    });
  }

  /**
   * The layer that the request names for a role.
   * @throws QuietframeError `missing-layer`.
   */
  #named(role: Role | 'light', name: string): Match[] {
    for (const suffixes of SUFFIXES[role]) {
      const matches = this.#groups.flatMap((group): Match[] => {
        const prefix = prefixBefore(group, name, suffixes);
        const layer = channelsOf(group, suffixes);
        return prefix === undefined || layer === undefined ? [] : [{ group, prefix, layer }];
      });
      const exact = matches.filter((match) => match.prefix === '');
      if (matches.length > 0) return exact.length > 0 ? exact : matches;
    }
    const range = `a layer with the channels ${SUFFIXES[role].join(' or ')}`;
    throw new QuietframeError('missing-layer', expected(range, `the role ${role}`, name), { layer: name });
  }

  #window(match: Match): Box {
    return (this.#parts[match.group.part] as PartChannels).dataWindow;
  }

  #warnMissing(role: 'albedo' | 'normal'): void {
    if (this.#options.layers?.[role] === 'none') return;
    const looked = this.#aliases(role).join(', ');
    this.#warn(`missing-${role}`, `No ${role} was found: detail will be lost. Looked for ${looked}`, role);
  }

  #warn(code: WarningCode, message: string, layer?: string): void {
    this.#warnings.push({ code, message, ...(layer === undefined ? {} : { layer }) });
  }
}

function sourceOf(parts: readonly PartChannels[], name: SourceName | 'auto'): RenderSource {
  if (name === 'auto') return detectSource(parts);
  const source = SOURCES.find((candidate) => candidate.name === name);
  if (source !== undefined) return source;
  const range = `auto or one of ${SOURCES.map((candidate) => candidate.name).join(', ')}`;
  throw new QuietframeError('invalid-argument', expected(range, 'source', name), { parameter: 'source' });
}

/** What stands before the layer's name in the group's, or undefined when it does not end with it. */
function prefixBefore(group: ChannelGroup, layer: string, suffixes: string): string | undefined {
  if (layer === '*') return group.layer !== '' && group.channels.size === suffixes.length ? '' : undefined;
  const own = group.layer.toLowerCase();
  const wanted = layer.toLowerCase();
  if (wanted.endsWith('*')) {
    const last = own.lastIndexOf(wanted.slice(0, -1));
    const rest = own.length - last - wanted.length + 1;
    const stands = last === 0 || own[last - 1] === '.';
    return last >= 0 && rest > 0 && stands ? group.layer.slice(0, Math.max(0, last - 1)) : undefined;
  }
  if (own === wanted) return '';
  return wanted !== '' && own.endsWith(`.${wanted}`) ? group.layer.slice(0, -wanted.length - 1) : undefined;
}

function channelsOf(group: ChannelGroup, suffixes: string): PlannedLayer | undefined {
  const channels = [...suffixes].flatMap((suffix) => group.channels.get(suffix) ?? []);
  return channels.length === suffixes.length ? { part: group.part, channels } : undefined;
}

function isMoment(layer: string, prefix: string | undefined): boolean {
  if (prefix === undefined) return false;
  return layer.startsWith(prefix) || layer.slice(layer.lastIndexOf('.') + 1).startsWith(prefix);
}

function usesOf(
  layers: LayerPlan['layers'],
  variances: LayerPlan['variances'],
  lights: readonly PlannedLight[],
  alpha: PlannedLayer | undefined,
  target: PlannedLayer,
): ChannelUse[] {
  const uses: ChannelUse[] = [];
  const add = (layer: PlannedLayer | undefined, usedAs: ChannelUse['usedAs']): void => {
    for (const channel of layer?.channels ?? [])
      uses.push({ part: (layer as PlannedLayer).part, channel, usedAs });
  };
  for (const role of ROLES) {
    if (role === 'colorVariance' || role === 'albedoVariance' || role === 'normalVariance') {
      add(variances[role], role);
      const mean = {
        colorVariance: 'colorMean',
        albedoVariance: 'albedoMean',
        normalVariance: 'normalMean',
      } as const;
      add(variances[role]?.mean, mean[role]);
    } else {
      add(layers[role], role);
    }
  }
  for (const { layer } of lights) add(layer, 'light');
  const surfaces = new Map(
    lights.flatMap(({ surface }) => (surface ? [[key(surface), surface] as const] : [])),
  );
  for (const surface of surfaces.values()) add(surface, 'lightSurface');
  add(alpha, 'alpha');
  add(target, 'result');
  return uses;
}

/** pbrt's header tells the number of samples. */
function samplesAttribute(parts: readonly PartChannels[]): number | undefined {
  const attribute = parts[0]?.attributes.get('samplesPerPixel');
  if (attribute?.type !== 'int' || attribute.value.length !== 4) return undefined;
  const { buffer, byteOffset } = attribute.value;
  const samples = new DataView(buffer, byteOffset, 4).getInt32(0, true);
  return samples > 0 ? samples : undefined;
}

function textOf(attribute: Attribute): string | undefined {
  return attribute.type === 'string' ? new TextDecoder().decode(attribute.value) : undefined;
}

/** Tells layers apart. */
function key({ part, channels }: PlannedLayer): string {
  return JSON.stringify([part, channels]);
}

function sameBox(a: Box, b: Box): boolean {
  return (
    a.xMin === b.xMin && a.yMin === b.yMin && boxWidth(a) === boxWidth(b) && boxHeight(a) === boxHeight(b)
  );
}

function shorten(names: readonly string[]): string {
  return names.length > 4 ? `${names.slice(0, 4).join(', ')} and ${names.length - 4} more` : names.join(', ');
}
