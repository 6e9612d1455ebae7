/**
 * headcount.yaml as text: read within bounds, parsed, and with `${NAME}` replaced by what the environment says, so that no
 * secret need stand in the file. `$${` is a plain `${`. Replacing in the text before it is parsed was rejected: a
 * password with a colon or a quote in it would then change what the file says.
 */
import { readFile } from 'node:fs/promises';
import { isMap, LineCounter, type Node, parseDocument } from 'yaml';
import { HeadcountError } from '../decide/errors.ts';
import { hidden } from './settings.ts';

export type Path = readonly (string | number)[];

export interface Place {
  readonly line: number;
  readonly column: number;
}

export interface ParsedText {
  readonly value: unknown;
  /** Where a key or an entry stands; of one that is missing, where its surroundings do. */
  placeOf(path: Path): Place | undefined;
  /** Variables that the file names and that nobody has set, where that is not allowed. */
  readonly unset: readonly { readonly path: Path; readonly name: string }[];
}

export type Environment = Readonly<Record<string, string | undefined>>;

const sizeLimitBytes = 1_000_000;
const variable = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/** Nothing when there is no such file and it is not `required`. @throws HeadcountError CONFIG_UNREADABLE */
export async function readText(file: string, required: boolean): Promise<string | undefined> {
  try {
    const bytes = await readFile(file);
    if (bytes.length <= sizeLimitBytes) return bytes.toString('utf8');
    throw unreadable(file, `it is larger than ${sizeLimitBytes / 1e6} MB`, 'Give a configuration file.');
  } catch (error) {
    if (error instanceof HeadcountError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT')
      throw unreadable(file, message, 'Make it readable, or name another with --config.');
    if (!required) return undefined;
    throw unreadable(file, 'there is no such file', 'Name another with --config.');
  }
}

/**
 * @param keepSecrets an option of an adapter whose variable is not set becomes the dots that mean "as it was"
 * @throws HeadcountError CONFIG_UNREADABLE with line and column
 */
export function parseText(text: string, name: string, env: Environment, keepSecrets: boolean): ParsedText {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [error] = document.errors;
  if (error) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw unreadable(name, `line ${line}, column ${col}: ${error.message}`, 'Mend that line.');
  }
  const unset: { path: Path; name: string }[] = [];
  const missing = (path: Path, variableName: string): string => {
    if (keepSecrets && isAdapterOption(path)) return hidden;
    unset.push({ path, name: variableName });
    return '';
  };
  const value = filled(document.toJS({ maxAliasCount: 20 }) ?? {}, [], { env, missing });
  const placeOf = (path: Path): Place | undefined => {
    for (let length = path.length; length > 0; length--) {
      const node = nodeAt(document.contents, path.slice(0, length));
      if (!node?.range) continue;
      const { line, col } = lines.linePos(node.range[0]);
      return { line, column: col };
    }
    return undefined;
  };
  return { value, placeOf, unset };
}

/** `$` before a brace is doubled, so that the text means itself. */
export function escaped(text: string): string {
  return text.replaceAll('${', '$${');
}

interface Filler {
  readonly env: Environment;
  /** What stands there instead of the whole text. */
  missing(path: Path, name: string): string;
}

function filled(value: unknown, path: Path, filler: Filler): unknown {
  if (typeof value === 'string') return filledText(value, path, filler);
  if (Array.isArray(value)) return value.map((entry, index) => filled(entry, [...path, index], filler));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [key, filled(entry, [...path, key], filler)]),
  );
}

function filledText(text: string, path: Path, { env, missing }: Filler): string {
  let instead: string | undefined;
  const written = text.replace(variable, (_, name: string | undefined) => {
    if (name === undefined) return '${';
    const found = env[name];
    if (found) return found;
    instead = missing(path, name);
    return '';
  });
  return instead ?? written;
}

/** Below `fleet`, an entry of `meters`, `rules` or `limits`, or `notifier`. */
function isAdapterOption(path: Path): boolean {
  const [top, , part, , list] = path;
  if (path.at(-1) === 'use') return false;
  if (top === 'channels') return part === 'notifier' && path.length === 4;
  if (top !== 'apps') return false;
  if (part === 'fleet') return path.length === 4;
  return part === 'managers' && ['meters', 'rules', 'limits'].includes(String(list)) && path.length === 7;
}

/** The key, where the last step is one of a map; else the entry itself. */
function nodeAt(root: unknown, path: Path): Node | undefined {
  let node = root as Node | undefined;
  for (const [index, part] of path.entries()) {
    if (!isMap(node))
      node = (node as { get?(key: unknown, keep: true): Node | undefined })?.get?.(part, true);
    else {
      const pair = node.items.find(({ key }) => String((key as { value?: unknown })?.value) === String(part));
      node = (index === path.length - 1 ? pair?.key : pair?.value) as Node | undefined;
    }
    if (!node) return undefined;
  }
  return node;
}

function unreadable(file: string, why: string, todo: string): HeadcountError {
  return new HeadcountError('CONFIG_UNREADABLE', `The configuration ${file} cannot be read`, why, todo);
}
