/** Elements of the page by their ids, and the words and tables that it shows. */
export const byId = <Type extends HTMLElement>(id: string): Type => document.getElementById(id) as Type;
export const input = (id: string): HTMLInputElement => byId<HTMLInputElement>(id);
export const select = (id: string): HTMLSelectElement => byId<HTMLSelectElement>(id);
export const button = (id: string): HTMLButtonElement => byId<HTMLButtonElement>(id);

export function frameCount(count: number): string {
  return `${count} frame${count === 1 ? '' : 's'}`;
}

export function duration(seconds: number): string {
  return seconds < 1 ? `${(1000 * seconds).toFixed(0)} ms` : `${seconds.toFixed(1)} s`;
}

/** Four significant digits, or an integer as it is. */
export function shortNumber(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(4);
}

export function rowOf(...texts: readonly string[]): HTMLTableRowElement {
  const row = document.createElement('tr');
  for (const text of texts) row.insertCell().textContent = text;
  return row;
}

/** Hands a file to the browser's downloads. */
export function saveFile(file: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** The rest of a work of which a share took some seconds; empty while that says nothing yet. */
export function timeLeft(share: number, seconds: number): string {
  // The first frame also waits for the model and for the reading of files.
  if (share < 0.15 || share >= 1 || seconds < 1) return '';
  const left = Math.ceil((seconds * (1 - share)) / share);
  return left < 60 ? `, about ${left} s left` : `, about ${Math.ceil(left / 60)} min left`;
}
