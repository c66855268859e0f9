interface Route {
  readonly method: string;
  readonly path: string;
}

/** Whether a path's segments are those of a route: `:id` stands for any one, `*` for any that follow. */
function isAt(segments: readonly string[], route: readonly string[]): boolean {
  const rest = route.indexOf("*");
  if (rest === -1 ? segments.length !== route.length : segments.length < rest) return false;
  const named = rest === -1 ? route : route.slice(0, rest);
  return named.every((name, index) => (name.startsWith(":") ? segments[index] !== "" : name === segments[index]));
}

/** The methods that a path takes, each once. */
export function allowedMethods(routes: readonly Route[], pathname: string): string[] {
  const segments = pathname.split("/");
  const found = routes.filter(({ path }) => isAt(segments, path.split("/")));
  return [...new Set(found.map(({ method }) => method))];
}
