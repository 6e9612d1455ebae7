/**
 * Heroku's log drains: bodies of `application/logplex-1` are frames `<length> SP <syslog line>`, and the length counts
 * bytes, so a body is cut before it is decoded. A line is RFC 5424 without structured data:
 *
 *   <158>1 2026-01-01T00:00:00.123456+00:00 host heroku router - at=info method=GET … dyno=web.1 connect=1ms service=18ms status=200
 *   <190>1 2026-01-01T00:00:00+00:00 host app web.1 - [hirefire:router] queue=162ms
 *   <45>1 2026-01-01T00:00:00+00:00 host heroku web.1 - source=web.1 dyno=heroku.1.uuid sample#load_avg_1m=0.35 …
 *
 * Only these three kinds of line are read; what an app logs is looked at for its first characters and forgotten. The
 * request that our own poll makes shows up in the router's lines too and is left out. Facts: heroku/logplex's documentation
 * of HTTPS drains, Heroku's log-runtime-metrics, and the router line of HireFire's libraries.
 */
import {
  beginWork,
  drop,
  type GaugeMetric,
  isName,
  type Parsed,
  problemWithNumber,
  problemWithSecond,
  type TimesMetric,
  timeMaximumMs,
  type Work,
} from './pushed.ts';

const lineCountMaximum = 10_000;
/** Enough for a router line; what follows in a longer one says nothing to us. */
const lineBytesMaximum = 10_000;
const loadMaximum = 10_000;

interface Line {
  readonly second: number;
  readonly app: string;
  readonly procid: string;
  readonly message: string;
}

export function parseDrain(body: Uint8Array, now: number): Parsed {
  const work = beginWork(now);
  const { lines, broken } = cut(body);
  if (broken) drop(work.dropped, 'malformed');
  for (const text of lines) {
    const line = parseLine(text);
    if (line) readLine(work, line);
  }
  return work;
}

/** The lines of a body up to the first frame that is broken: where the next one begins is then unknown. */
export function cut(body: Uint8Array): { readonly lines: string[]; readonly broken: boolean } {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const lines: string[] = [];
  let at = 0;
  while (at < bytes.length && lines.length < lineCountMaximum) {
    const space = bytes.indexOf(0x20, at);
    const digits = space < 0 || space - at > 7 ? '' : bytes.toString('latin1', at, space);
    const length = /^\d+$/.test(digits) ? Number(digits) : 0;
    const end = space + 1 + length;
    if (length === 0 || end > bytes.length) return { lines, broken: true };
    lines.push(bytes.toString('utf8', space + 1, Math.min(end, space + 1 + lineBytesMaximum)));
    at = end;
  }
  return { lines, broken: at < bytes.length };
}

function parseLine(text: string): Line | undefined {
  const match = /^<\d{1,3}>1 (\S+) \S+ (\S+) (\S+) \S+ (?:- )?([\s\S]*)$/.exec(text);
  if (!match) return undefined;
  const [, time = '', app = '', procid = '', message = ''] = match;
  return { second: Math.floor(Date.parse(time) / 1_000), app, procid, message };
}

function readLine(work: Work, line: Line): void {
  const { app, procid, message } = line;
  if (app === 'heroku') {
    if (procid === 'router') readRouter(work, line);
    else if (procid === 'logplex') readLoss(work, message);
    else if (message.startsWith('source=')) readLoad(work, line);
    return;
  }
  const queue = /\[hirefire:router\] queue=(\d{1,15}(?:\.\d{1,6})?)ms/.exec(message.slice(0, 200))?.[1];
  if (queue !== undefined) add(work, line, typeOf(procid), 'queue-time', Number(queue));
}

function readRouter(work: Work, line: Line): void {
  const fields = fieldsOf(line.message);
  if (/^\/hirefire(?:\/|$)/.test(fields.path ?? '')) return;
  const type = typeOf(fields.dyno ?? '') || 'web';
  const service = milliseconds(fields.service);
  add(work, line, type, 'service-time', service);
  const connect = milliseconds(fields.connect);
  if (connect !== undefined) add(work, line, type, 'connect-time', connect);
  if (Number(fields.status) >= 500) add(work, line, type, 'failed', service);
}

function readLoad(work: Work, line: Line): void {
  const fields = fieldsOf(line.message);
  const type = typeOf(fields.source ?? line.procid);
  const problem = secondProblem(work, line, type);
  for (const [minutes, metric] of [
    ['1', 'load1'],
    ['5', 'load5'],
    ['15', 'load15'],
  ] satisfies [string, GaugeMetric][]) {
    const text = fields[`sample#load_avg_${minutes}m`];
    if (text === undefined) continue;
    const value = text === '' ? Number.NaN : Number(text);
    const why = problem ?? problemWithNumber(value, loadMaximum);
    if (why) drop(work.dropped, why);
    else work.pushed.push({ metric, name: type, second: line.second, value });
  }
}

/** `Error L10 (output buffer overflow): 500 messages dropped since …` */
function readLoss(work: Work, message: string): void {
  const lost = /^Error L1[0-3]\b.*?: (\d{1,9}) messages? dropped/.exec(message)?.[1];
  if (lost !== undefined) drop(work.dropped, 'lost', Number(lost));
}

function add(work: Work, line: Line, name: string, metric: TimesMetric, ms: number | undefined): void {
  const problem =
    secondProblem(work, line, name) ?? (ms === undefined ? undefined : problemWithNumber(ms, timeMaximumMs));
  if (problem) drop(work.dropped, problem);
  else work.pushed.push({ metric, name, second: line.second, count: 1, ...(ms === undefined ? {} : { ms }) });
}

function secondProblem({ nowSecond }: Work, { second }: Line, name: string) {
  return isName(name) ? problemWithSecond(second, nowSecond) : 'malformed';
}

/** `web.1` is of `web`. */
function typeOf(process: string): string {
  return /^([A-Za-z][\w-]*)(?:\.\d+)?$/.exec(process)?.[1] ?? '';
}

/** `key=value` pairs, where a value in quotes may have spaces. The last one counts when a request repeats a key. */
function fieldsOf(message: string): Record<string, string> {
  const fields: Record<string, string> = Object.create(null);
  for (const [, key = '', quoted, plain = ''] of message.matchAll(/([\w#]+)=(?:"([^"]*)"|(\S*))/g))
    fields[key] = quoted ?? plain;
  return fields;
}

/** Empty where a request never reached a process. */
function milliseconds(text: string | undefined): number | undefined {
  const digits = /^(\d{1,15}(?:\.\d{1,6})?)ms$/.exec(text ?? '')?.[1];
  return digits === undefined ? undefined : Number(digits);
}
