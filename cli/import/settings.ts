/** Settings of another service, taken by name; what nobody took and is set is told, so that nothing is lost in silence. */
export interface Reader {
  number(name: string): number | undefined;
  text(name: string): string | undefined;
  flag(name: string): boolean | undefined;
  list(name: string): readonly unknown[];
  ignore(...names: string[]): void;
  /** Puts a sentence for each setting that is set and that nobody took. */
  tellRest(): void;
}

export function reader(fields: Readonly<Record<string, unknown>>, where: string, left: string[]): Reader {
  const taken = new Set<string>();
  const take = (name: string): unknown => {
    taken.add(name);
    return fields[name] ?? undefined;
  };
  return {
    number: (name) => {
      const value = take(name);
      return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
    },
    text: (name) => {
      const value = take(name);
      return value === undefined || value === '' ? undefined : String(value);
    },
    flag: (name) => {
      const value = take(name);
      return typeof value === 'boolean' ? value : undefined;
    },
    list: (name) => {
      const value = take(name);
      return Array.isArray(value) ? value : [];
    },
    ignore: (...names) => {
      for (const name of names) taken.add(name);
    },
    tellRest: () => {
      for (const [name, value] of Object.entries(fields)) {
        const empty = value === null || value === false || value === '' || value === 0;
        if (!taken.has(name) && !empty)
          left.push(`${where}: ${name} (${JSON.stringify(value)}) is not carried over`);
      }
    },
  };
}
