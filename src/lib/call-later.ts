/** Calls once, unless the function it returns calls it off; does not keep the process alive. */
export function callLater(milliseconds: number, ring: () => void): () => void {
  const timer = setTimeout(ring, milliseconds);
  timer.unref();
  return () => clearTimeout(timer);
}
