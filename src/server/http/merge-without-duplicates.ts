/** Parameters of the query and of the body; one that both have counts as given twice. */
export function mergeWithoutDuplicates(
  query: Readonly<Record<string, unknown>>,
  body: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const twice = Object.keys(body).filter((name) => Object.hasOwn(query, name));
  return { ...query, ...body, ...Object.fromEntries(twice.map((name) => [name, [query[name], body[name]]])) };
}
