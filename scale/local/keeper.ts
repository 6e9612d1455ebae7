/**
 * The keeper: a small program between the controller and the processes, so that none of them outlives the controller.
 *
 * It holds an IPC channel to the controller. When the channel closes, by `kill -9` too, it stops every process, waits
 * for the grace time, kills what is left, and ends. It runs in a session of its own, so Ctrl-C does not reach it.
 * It starts, signals and records; what to start and whom to stop is the controller's to say. The controller starts a
 * new keeper when this one dies.
 *
 * A "parent death signal" of the kernel was the other way: Node cannot set it, only Linux has it, and it leaves no
 * time to drain.
 *
 *     node keeper.js <folder> <graceMs> <pid of the controller>
 */
import { type Child, startChild } from './child.ts';
import { identityOf } from './identity.ts';
import type { News, Order } from './protocol.ts';
import {
  appendHistory,
  type LogFile,
  openLog,
  type ProcessRecord,
  removeKeeper,
  writeKeeper,
  writeProcesses,
} from './records.ts';

interface Kept {
  readonly child: Child;
  readonly log: LogFile;
  record?: ProcessRecord;
}

const [, , folder = '.', graceText = '30000', controllerText = '0'] = process.argv;
const graceMs = Number(graceText);
const controllerPid = Number(controllerText);
const kept = new Map<string, Kept>();
const tell = teller();
const reports = reporter();
let ending = false;

main();

function main(): void {
  writeKeeper(folder, {
    pid: process.pid,
    identity: identityOf(process.pid) ?? '',
    controllerPid,
    controllerIdentity: identityOf(controllerPid) ?? '',
  });
  writeProcesses(folder, []);
  process.on('message', (order: Order) => obey(order));
  process.on('disconnect', end);
  process.on('error', () => {});
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, end);
  tell({ is: 'ready' });
}

function obey(order: Order): void {
  if (order.do === 'start') start(order);
  else if (order.do === 'stop') kept.get(order.name)?.child.stop();
  else if (order.do === 'drain') kept.get(order.name)?.child.drain(order.quiet);
  else if (order.do === 'note') note(order.name, order.text);
  else end();
}

function start(order: Order & { do: 'start' }): void {
  const { name } = order;
  if (ending || kept.has(name)) return;
  const log = carefulLog(name);
  const startedAt = Date.now();
  let record: ProcessRecord | undefined;
  const child = startChild(order, graceMs, {
    started(pid) {
      record = { name, pid, startedAt, identity: identityOf(pid) ?? '' };
      tell({ is: 'started', name, pid });
    },
    line(text) {
      log.write(text);
      tell({ is: 'line', name, text });
    },
    report: (running, slots, quiet) => reports.changed({ is: 'report', name, running, slots, quiet }),
    ended(how) {
      log.close();
      kept.delete(name);
      writeDown(() => record && appendHistory(folder, record, Date.now(), how));
      writeDown(recordAll);
      reports.flush();
      tell({ is: 'ended', name, ...how });
      if (ending && kept.size === 0) leave();
    },
  });
  kept.set(name, record ? { child, log, record } : { child, log });
  writeDown(recordAll);
}

function recordAll(): void {
  writeProcesses(
    folder,
    [...kept.values()].flatMap(({ record }) => record ?? []),
  );
}

function note(name: string, text: string): void {
  const open = kept.get(name)?.log;
  const log = open ?? carefulLog(name);
  log.write(text);
  if (!open) log.close();
}

function end(): void {
  if (ending) return;
  ending = true;
  if (kept.size === 0) leave();
  for (const { child } of kept.values()) child.stop();
  setTimeout(() => {
    for (const { child } of kept.values()) child.kill();
    leave();
  }, graceMs + 5_000);
}

function leave(): void {
  writeDown(() => removeKeeper(folder));
  process.exit(0);
}

/** A full disk must not end the processes; it is said once, in logs/keeper.log, where this program's errors go. */
function writeDown(write: () => void): void {
  try {
    write();
  } catch (error) {
    complain(error);
  }
}

let complained = false;

function complain(error: unknown): void {
  if (complained) return;
  complained = true;
  process.stderr.write(`keeper: cannot write to ${folder}: ${String(error)}\n`);
}

function carefulLog(name: string): LogFile {
  let log: LogFile | undefined;
  writeDown(() => {
    log = openLog(folder, name);
  });
  return {
    write: (text) => writeDown(() => log?.write(text)),
    close: () => writeDown(() => log?.close()),
  };
}

/** Sends news. While the controller is slow to read, printed lines stay in the log file and are only counted. */
function teller(): (news: News) => void {
  const mostUnsent = 1_000;
  let unsent = 0;
  let skipped = 0;
  let skippedName = '';
  const sent = (): void => {
    unsent--;
    if (unsent > 0 || skipped === 0) return;
    const text = `(${skipped} lines not shown here; see the log files)`;
    skipped = 0;
    send({ is: 'line', name: skippedName, text });
  };
  const send = (news: News): void => {
    if (!process.connected) return;
    unsent++;
    process.send?.(news, undefined, undefined, sent);
  };
  return (news) => {
    if (news.is === 'line' && unsent >= mostUnsent) {
      skipped++;
      skippedName = news.name;
    } else {
      send(news);
    }
  };
}

/** The newest report of each process, at most every 20 ms, so that a busy reporter cannot fill the channel. */
function reporter(): { changed(report: News & { is: 'report' }): void; flush(): void } {
  const waiting = new Map<string, News>();
  let timer: NodeJS.Timeout | undefined;
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    for (const report of waiting.values()) tell(report);
    waiting.clear();
  };
  return {
    changed(report) {
      waiting.set(report.name, report);
      timer ??= setTimeout(flush, 20);
    },
    flush,
  };
}
