import { type BrightRegions, findBrightRegions, meanOfRegions } from '../image/bright-regions.js';
import { brightnessLimit } from '../image/light-range.js';
import { findNegativeOutliers, replacePixels } from '../image/negative-outliers.js';
import type { Raster } from '../image/raster.js';
import type { InputFindings } from './input-findings.js';
import type { PlannedImage } from './planned-image.js';

/** What the colour of a file says about all light of the file. */
interface ColorRepairs {
  /** Brighter samples are replaced. */
  readonly limit: number;
  /** Pixels that are replaced by their neighbors. */
  readonly outliers: readonly number[];
}

/**
 * Repairs light in place. Layers of light are repaired with the colour, in the same pixels, so that they still add up to it.
 */
export class LightRepairs {
  readonly #findings: InputFindings;
  readonly #repairs = new Map<PlannedImage, ColorRepairs>();
  /** By file and layer; those of the colour have no name. */
  readonly #bright = new Map<PlannedImage, Map<string, BrightRegions>>();

  constructor(findings: InputFindings) {
    this.#findings = findings;
  }

  repairColor(file: PlannedImage, samples: Raster): void {
    const limit = brightnessLimit(samples);
    this.#findBright(file, '', samples, limit);
    this.#findings.sanitize('color', samples, false, limit);
    const outliers = findNegativeOutliers(samples);
    this.#repairs.set(file, { limit, outliers });
    if (outliers.length === 0) return;
    replacePixels(samples, outliers);
    const message = `${outliers.length} pixels of the colour are far below zero: the mean of their neighbors was used`;
    this.#findings.warn('negative-outliers', message, 'color');
  }

  /** After {@link repairColor} of the same file. */
  repairLayer(file: PlannedImage, name: string, samples: Raster): void {
    const { limit, outliers } = this.#repairs.get(file) ?? { limit: Number.MAX_VALUE, outliers: [] };
    this.#findBright(file, name, samples, limit);
    this.#findings.sanitize(name, samples, false, limit);
    replacePixels(samples, outliers);
  }

  /**
   * Samples of a layer, as they are in the file, that are too bright to be filtered; with two files, their mean.
   * @param name empty for the colour.
   * @param halves the repaired layer of each file.
   */
  brightRegions(
    name: string,
    main: PlannedImage,
    half: PlannedImage | undefined,
    halves: readonly [Raster, Raster],
  ): BrightRegions | undefined {
    const regions = this.#bright.get(main)?.get(name);
    if (half === undefined) return regions;
    return meanOfRegions([regions, this.#bright.get(half)?.get(name)], halves);
  }

  #findBright(file: PlannedImage, name: string, samples: Raster, limit: number): void {
    const regions = findBrightRegions(samples, limit);
    if (regions === undefined) return;
    const known = this.#bright.get(file) ?? new Map<string, BrightRegions>();
    this.#bright.set(file, known.set(name, regions));
    const what = name === '' ? 'color' : name;
    const message = `${regions.indices.length} samples of ${what} are in regions that are infinite or too bright to filter: they were taken as they are`;
    this.#findings.warn('bright-regions', message, what);
  }
}
