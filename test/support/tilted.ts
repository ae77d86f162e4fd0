/** A component of the normal of pixel `i` of a roof of many ridges: normals that are the same everywhere count as missing. */
export function tilted(component: string, i: number): number {
  if (component === 'X') return i % 2 === 0 ? 0.6 : -0.6;
  return component === 'Z' ? 0.8 : 0;
}
