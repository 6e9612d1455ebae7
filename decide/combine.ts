/**
 * Makes one count of what the rules want, by a formula that a person wrote:
 *
 *   max(wait-goal, queue-size / 2)      min(wait-goal, 10 + queue-size)      queue-size#2 * 1.5
 *
 * Names are those of the manager's rules (the second of the same name is `queue-size#2`), with numbers, + - * /, parentheses,
 * and min, max, ceil and floor. A name may hold hyphens, so a minus between two names stands between spaces.
 *
 * It is read by hand into a tree (recursive descent) and walked: nothing of it is ever run as code. Length and depth are
 * bounded. An expression library was rejected: eighty lines of code do what is needed, and decide/ imports nothing.
 */
import { unknownName } from './options.ts';

export type Combined =
  | {
      readonly ok: true;
      readonly names: readonly string[];
      value(counts: ReadonlyMap<string, number>): number;
    }
  | { readonly ok: false; readonly problem: string };

const mostCharacters = 500;
const mostDepth = 40;

/** @param known the names that may stand in it */
export function readFormula(text: string, known: readonly string[]): Combined {
  if (text.length > mostCharacters)
    return { ok: false, problem: `it has ${text.length} characters, at most ${mostCharacters} are read` };
  const reader: Reader = {
    tokens: tokensOf(text),
    place: 0,
    depth: 0,
    end: text.length + 1,
    known,
    names: [],
  };
  try {
    const value = sumOf(reader);
    if (reader.tokens[reader.place]) return failed(reader, 'an operator or the end');
    return { ok: true, names: [...new Set(reader.names)], value };
  } catch (error) {
    if (error instanceof Unreadable) return { ok: false, problem: error.problem };
    throw error;
  }
}

/** The names of a manager's rules as a formula knows them. */
export function ruleNames(uses: readonly string[]): string[] {
  return uses.map((use, place) => {
    const nth = uses.slice(0, place).filter((other) => other === use).length + 1;
    return nth === 1 ? use : `${use}#${nth}`;
  });
}

type Value = (counts: ReadonlyMap<string, number>) => number;

interface Token {
  readonly kind: 'number' | 'name' | 'sign' | 'other';
  readonly text: string;
  /** The first character is 1. */
  readonly at: number;
}

interface Reader {
  readonly tokens: readonly Token[];
  place: number;
  depth: number;
  readonly end: number;
  readonly known: readonly string[];
  readonly names: string[];
}

class Unreadable extends Error {
  readonly problem: string;
  constructor(problem: string) {
    super(problem);
    this.problem = problem;
  }
}

function tokensOf(text: string): Token[] {
  const pattern = /(\d+(?:\.\d+)?)|([a-z][a-z0-9]*(?:-[a-z0-9]+)*(?:#\d+)?)|([-+*/(),])|(\S)/g;
  return [...text.matchAll(pattern)].map((match) => ({
    kind: match[1] ? 'number' : match[2] ? 'name' : match[3] ? 'sign' : 'other',
    text: match[0],
    at: (match.index ?? 0) + 1,
  }));
}

function sumOf(reader: Reader): Value {
  let left = productOf(reader);
  for (let sign = taken(reader, '+', '-'); sign; sign = taken(reader, '+', '-')) {
    const [first, second] = [left, productOf(reader)];
    left =
      sign === '+' ? (counts) => first(counts) + second(counts) : (counts) => first(counts) - second(counts);
  }
  return left;
}

function productOf(reader: Reader): Value {
  let left = factorOf(reader);
  for (let sign = taken(reader, '*', '/'); sign; sign = taken(reader, '*', '/')) {
    const [first, second] = [left, factorOf(reader)];
    left =
      sign === '*' ? (counts) => first(counts) * second(counts) : (counts) => first(counts) / second(counts);
  }
  return left;
}

function factorOf(reader: Reader): Value {
  if (++reader.depth > mostDepth) throw new Unreadable(`it is nested more than ${mostDepth} deep`);
  const value = readFactor(reader);
  reader.depth--;
  return value;
}

function readFactor(reader: Reader): Value {
  const token = reader.tokens[reader.place];
  if (taken(reader, '-')) {
    const value = factorOf(reader);
    return (counts) => -value(counts);
  }
  if (taken(reader, '(')) {
    const value = sumOf(reader);
    close(reader);
    return value;
  }
  if (token?.kind === 'number') {
    reader.place++;
    return () => Number(token.text);
  }
  if (token?.kind === 'name') {
    reader.place++;
    return taken(reader, '(') ? callOf(reader, token) : nameOf(reader, token);
  }
  throw new Unreadable(expected(reader, 'a rule, a number or "("'));
}

const functions: Readonly<Record<string, { most: number; of: (...values: number[]) => number }>> = {
  min: { most: 20, of: Math.min },
  max: { most: 20, of: Math.max },
  ceil: { most: 1, of: Math.ceil },
  floor: { most: 1, of: Math.floor },
};

function callOf(reader: Reader, { text, at }: Token): Value {
  const called = Object.hasOwn(functions, text) ? functions[text] : undefined;
  if (!called)
    throw new Unreadable(`${unknownName('function', text, Object.keys(functions))} (character ${at})`);
  const values = [sumOf(reader)];
  while (taken(reader, ',')) values.push(sumOf(reader));
  close(reader);
  if (values.length > called.most)
    throw new Unreadable(`${text} takes at most ${called.most}, not ${values.length} (character ${at})`);
  return (counts) => called.of(...values.map((value) => value(counts)));
}

function nameOf(reader: Reader, { text, at }: Token): Value {
  if (!reader.known.includes(text)) {
    const minus = text.includes('-') ? '; a minus between two names stands between spaces' : '';
    throw new Unreadable(`${unknownName('rule', text, reader.known)} (character ${at}${minus})`);
  }
  reader.names.push(text);
  return (counts) => counts.get(text) ?? Number.NaN;
}

function close(reader: Reader): void {
  if (!taken(reader, ')')) throw new Unreadable(expected(reader, '")"'));
}

function taken(reader: Reader, ...signs: readonly string[]): string | undefined {
  const token = reader.tokens[reader.place];
  if (token?.kind !== 'sign' || !signs.includes(token.text)) return undefined;
  reader.place++;
  return token.text;
}

function failed(reader: Reader, what: string): Combined {
  return { ok: false, problem: expected(reader, what) };
}

function expected(reader: Reader, what: string): string {
  const token = reader.tokens[reader.place];
  const found = token ? `not "${token.text}"` : 'but it ends';
  return `character ${token?.at ?? reader.end}: here comes ${what}, ${found}`;
}
