import type { Raster } from '../image/raster.js';
import { type SanitizedCounts, sanitize } from '../image/sanitize.js';
import type { InputWarning, WarningCode } from './frame.js';

/** What is found out about the samples of a frame while it is built: warnings, and counts of what was repaired. */
export class InputFindings {
  readonly warnings: InputWarning[] = [];
  /** By role, for those that had something to repair or to count. */
  readonly sanitized: Record<string, SanitizedCounts> = {};

  /** Warns once for both halves. */
  warn(code: WarningCode, message: string, layer: string): void {
    if (this.warnings.some((known) => known.code === code && known.layer === layer)) return;
    this.warnings.push({ code, message, layer });
  }

  /**
   * Makes the samples of a role finite, in place, and adds up what was wrong with them.
   * @param limit brighter samples are replaced.
   */
  sanitize(role: string, samples: Raster, zeroNegatives: boolean, limit?: number): void {
    const counts = sanitize(samples, { zeroNegatives, ...(limit !== undefined && { limit }) });
    const signed = role === 'normal';
    const { notFinite, negative } = this.sanitized[role] ?? { notFinite: 0, negative: 0 };
    const total = {
      notFinite: notFinite + counts.notFinite,
      negative: negative + (signed ? 0 : counts.negative),
    };
    if (total.notFinite === 0 && total.negative === 0) return;
    this.sanitized[role] = total;
    if (counts.notFinite > 0) {
      this.warn(
        'not-finite',
        `NaN or infinite samples of ${role} were replaced by their neighbors' mean`,
        role,
      );
    }
    if (role === 'color' && counts.negative > 0) {
      this.warn('negative-color', 'Negative samples of the colour were kept', role);
    }
  }
}
