const region = /(<!-- generated: ([\w -]+?) -->\n)[\s\S]*?(<!-- end of generated -->)/g;

/** The text with everything between `<!-- generated: name -->` and `<!-- end of generated -->` made anew. */
export function fillGeneratedRegions(text: string, render: (name: string) => string): string {
  return text.replaceAll(
    region,
    (_whole, open: string, name: string, close: string) => `${open}\n${render(name)}\n\n${close}`,
  );
}
