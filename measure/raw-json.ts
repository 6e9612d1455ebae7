/**
 * The parts of a JSON text as texts. Who hands somebody else's arguments on must not read and write them: JavaScript would make 1
 * of Python's 1.0, round its large integers, and refuse its NaN. Only where parts begin and end is looked at; a text that is
 * no JSON may pass, and is as wrong afterwards as before.
 */

/** Of a list. Undefined: it is none. */
export function rawItems(text: string): string[] | undefined {
  const parts = partsOf(text.trim(), '[', ']');
  return parts?.every(({ name }) => name === undefined) ? parts.map(({ value }) => value) : undefined;
}

/** Of an object; of two members with one name the last, as everywhere. Undefined: it is none. */
export function rawMembers(text: string): ReadonlyMap<string, string> | undefined {
  const parts = partsOf(text.trim(), '{', '}');
  const members = new Map<string, string>();
  for (const { name, value } of parts ?? []) {
    if (name === undefined) return undefined;
    members.set(name, value);
  }
  return parts && members;
}

interface Part {
  /** Only of a member. */
  readonly name?: string;
  readonly value: string;
}

function partsOf(text: string, opening: string, closing: string): Part[] | undefined {
  if (!text.startsWith(opening) || !text.endsWith(closing) || text.length < 2) return undefined;
  const parts: Part[] = [];
  let depth = 0;
  let begin = 1;
  let colon: number | undefined;
  for (let at = 1; at < text.length; at++) {
    const sign = text[at];
    if (sign === '"') {
      const end = endOfText(text, at);
      if (end === undefined) return undefined;
      at = end;
    } else if (sign === '[' || sign === '{') depth++;
    else if (depth > 0) depth -= Number(sign === ']' || sign === '}');
    else if (sign === ':') colon ??= at;
    else if (sign === ',' || sign === ']' || sign === '}') {
      const isEnd = sign !== ',';
      if (isEnd && at !== text.length - 1) return undefined;
      const part = partIn(text, begin, colon, at);
      const isEmpty = isEnd && parts.length === 0 && text.slice(begin, at).trim() === '';
      if (!part && !isEmpty) return undefined;
      if (part) parts.push(part);
      begin = at + 1;
      colon = undefined;
    }
  }
  return begin === text.length ? parts : undefined;
}

function partIn(text: string, begin: number, colon: number | undefined, end: number): Part | undefined {
  const value = text.slice(colon === undefined ? begin : colon + 1, end).trim();
  if (value === '') return undefined;
  if (colon === undefined) return { value };
  const name = textIn(text.slice(begin, colon));
  return name === undefined ? undefined : { name, value };
}

/** Where the text that begins there ends. */
function endOfText(text: string, from: number): number | undefined {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at;
  }
  return undefined;
}

/** What a JSON text says, where it is one. */
export function textIn(raw: string | undefined): string | undefined {
  try {
    const value: unknown = JSON.parse(raw ?? '');
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
