/** Bodies of the parts of a `multipart/mixed` answer, in order; none where the media type has no boundary. */
export function partsOfMixed(contentType: string | null | undefined, body: Buffer): Buffer[] {
  const name = /boundary="?([^";]+)/.exec(contentType ?? '')?.[1];
  if (name === undefined) return [];
  const boundary = `--${name}`;
  const bodies: Buffer[] = [];
  for (let at = body.indexOf(boundary); at >= 0; ) {
    const next = body.indexOf(`\r\n${boundary}`, at + boundary.length);
    const blank = body.indexOf('\r\n\r\n', at);
    if (next < 0 || blank < 0) break;
    bodies.push(body.subarray(blank + 4, next));
    at = next + 2;
  }
  return bodies;
}
