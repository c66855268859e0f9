/**
 * File path of a `sqlite://` URL. `sqlite://rel.db` and `sqlite:///./rel.db` are relative to the working directory,
 * `sqlite:///abs.db` is absolute, `sqlite:///C:/x.db` and `sqlite://C:\x.db` are Windows paths. A `?query` is ignored.
 */
export function sqlitePathOf(url: string): string {
  const path = url.replace(/^sqlite:\/\//, "").replace(/\?.*$/s, "");
  const isRelative = /^\/\.\.?[\\/]/.test(path);
  const hasDrive = /^\/[A-Za-z]:/.test(path);
  return isRelative || hasDrive ? path.slice(1) : path;
}
