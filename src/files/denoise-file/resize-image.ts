import { type Box, boxHeight, boxWidth, type Image, type ImagePart, type Plane } from '../../image/image.js';

/** Samples that name things: a value between two of them names nothing. */
const IDENTIFIERS = /crypto|(?:^|[._ ])(?:id|index|indexob|indexma)(?:$|[._ \d])/i;

/**
 * An image at another size. Windows are scaled, and every plane is resampled: bilinearly, or by the nearest sample where
 * these are whole numbers or name things. Pixel X of the new data window lies at (X + 1/2) / factor - 1/2 of the old one.
 */
export function resizeImage(image: Image, factor: number): Image {
  return { parts: image.parts.map((part) => resizePart(part, factor)) };
}

/** A window at another size: its corner is scaled, its width and height as those of a picture. */
export function resizeBox(box: Box, factor: number): Box {
  const [xMin, yMin] = [Math.round(box.xMin * factor), Math.round(box.yMin * factor)];
  return {
    ...{ xMin, yMin },
    xMax: xMin + resized(boxWidth(box), factor) - 1,
    yMax: yMin + resized(boxHeight(box), factor) - 1,
  };
}

function resized(pixels: number, factor: number): number {
  return Math.max(Math.round(pixels * factor), 1);
}

function resizePart(part: ImagePart, factor: number): ImagePart {
  const [width, height] = [boxWidth(part.dataWindow), boxHeight(part.dataWindow)];
  const planes = new Map(
    [...part.planes].map(([name, plane]) => [name, resizePlane(plane, width, height, factor)]),
  );
  return {
    ...part,
    dataWindow: resizeBox(part.dataWindow, factor),
    displayWindow: resizeBox(part.displayWindow, factor),
    planes,
  };
}

function resizePlane(plane: Plane, width: number, height: number, factor: number): Plane {
  const columns = steps(resized(width, factor), factor, width);
  const rows = steps(resized(height, factor), factor, height);
  const { data, type, name } = plane;
  if (type === 'uint' || IDENTIFIERS.test(name)) {
    const length = columns.length * rows.length;
    const result = data instanceof Uint32Array ? new Uint32Array(length) : new Float32Array(length);
    rows.forEach((row, y) => {
      const from = Math.min(Math.round(row), height - 1) * width;
      columns.forEach((column, x) => {
        result[y * columns.length + x] = data[from + Math.min(Math.round(column), width - 1)] as number;
      });
    });
    return { ...plane, data: result };
  }
  const result = new Float32Array(columns.length * rows.length);
  rows.forEach((row, y) => {
    const top = Math.floor(row);
    const [upper, lower] = [top * width, Math.min(top + 1, height - 1) * width];
    columns.forEach((column, x) => {
      const left = Math.floor(column);
      const right = Math.min(left + 1, width - 1);
      const above = mix(data[upper + left] as number, data[upper + right] as number, column - left);
      const below = mix(data[lower + left] as number, data[lower + right] as number, column - left);
      result[y * columns.length + x] = mix(above, below, row - top);
    });
  });
  return { ...plane, data: result };
}

/** Without the product where it counts nothing: infinite depths would make NaN of it. */
function mix(a: number, b: number, weight: number): number {
  return weight === 0 || a === b ? a : a + weight * (b - a);
}

function steps(count: number, factor: number, size: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) =>
    Math.min(Math.max((i + 0.5) / factor - 0.5, 0), size - 1),
  );
}
