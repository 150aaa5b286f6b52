type Components = Readonly<Record<string, Readonly<Record<string, object>>>>;

const REFERENCE = /"#\/components\/(\w+)\/([\w.-]+)"/g;

/** The components that the document refers to, directly or by way of others. */
export function usedComponents(document: object, components: Components): Components {
  const used = new Set<string>();
  const visit = (part: object): void => {
    for (const [reference, kind = '', name = ''] of JSON.stringify(part).matchAll(REFERENCE)) {
      if (used.has(reference)) continue;
      used.add(reference);
      const component = components[kind]?.[name];
      if (component === undefined) throw new Error(`The document refers to ${reference}, which does not exist`);
      visit(component);
    }
  };
  visit(document);
  return Object.fromEntries(
    Object.entries(components).map(([kind, all]) => [
      kind,
      Object.fromEntries(Object.entries(all).filter(([name]) => used.has(`"#/components/${kind}/${name}"`))),
    ]),
  );
}
