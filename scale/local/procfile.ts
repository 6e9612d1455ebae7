/** Reads a Procfile: one `type: command` per line; empty lines and lines that begin with # are left out. */
import { readFile, stat } from 'node:fs/promises';
import { HeadcountError } from '../../decide/errors.ts';

/** Process type to command, in the order of the file. */
export type Procfile = ReadonlyMap<string, string>;

const largestBytes = 1024 * 1024;

/** @throws HeadcountError PROCFILE_UNREADABLE */
export async function readProcfile(path: string): Promise<Procfile> {
  const text = await stat(path)
    .then(({ size }) => (size > largestBytes ? undefined : readFile(path, 'utf8')))
    .catch((error: NodeJS.ErrnoException) => {
      throw unreadable(
        `Cannot read the Procfile ${path}`,
        reasonOf(error),
        'Check the option "procfile".',
        error,
      );
    });
  if (text === undefined)
    throw unreadable(`Cannot read the Procfile ${path}`, 'it is larger than 1 MiB', 'Is it a Procfile?');
  return parseProcfile(text, path);
}

/** @throws HeadcountError PROCFILE_UNREADABLE, with the number of the line */
export function parseProcfile(text: string, path: string): Procfile {
  const commands = new Map<string, string>();
  text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .forEach((line, index) => {
      if (/^\s*(#|$)/.test(line)) return;
      const where = `Line ${index + 1} of ${path} is wrong`;
      const [, type, command] = /^([a-zA-Z][a-zA-Z0-9_-]{0,62})\s*:\s*(\S.*?)\s*$/.exec(line) ?? [];
      if (type === undefined || command === undefined)
        throw unreadable(
          where,
          `${JSON.stringify(line.slice(0, 80))} is no "type: command"`,
          'Write it like "worker: node worker.js".',
        );
      if (commands.has(type))
        throw unreadable(
          where,
          `"${type}" is declared twice`,
          'Remove one of them, or give it another name.',
        );
      commands.set(type, command);
    });
  if (commands.size > 0) return commands;
  throw unreadable(
    `${path} is empty`,
    'it declares no process type',
    'Add a line like "worker: node worker.js".',
  );
}

/**
 * What `sh -c` gets. A plain command takes the place of the shell, so that signals reach the program itself; `exec` before
 * a list or a builtin (`cd app && node worker.js`) would run only its first part.
 */
export function shellLine(command: string): string {
  const [, assignments = '', program = ''] = assignmentsAndProgram.exec(command) ?? [];
  const isPlain = program !== '' && !builtins.has(program) && !/[;&|<>()`\n]/.test(command);
  return isPlain ? `${assignments}exec ${command.slice(assignments.length)}` : command;
}

/** `A=1 B="x y" node worker.js`: what comes before the program must stay before `exec`. */
const assignmentsAndProgram =
  /^((?:[A-Za-z_]\w*=(?:[^\s'"\\]|'[^']*'|"[^"\\]*")*\s+)*)(?![A-Za-z_]\w*=)(\S+)/;

const builtins = new Set(
  `. : ! { [[ alias break case cd command continue eval exec exit export false for function getopts hash if local
  read readonly return select set shift source test time times trap true type ulimit umask unalias unset until wait
  while`.split(/\s+/),
);

/**
 * True for a Node program. Others must not get NODE_CHANNEL_FD: it would stop every Node program that they start,
 * because they close the channel's descriptor and pass on the variable.
 */
export function isNodeCommand(command: string): boolean {
  return /(^|[\s/])(node|npm|npx|pnpm|yarn|tsx|ts-node)(\s|$)|\.[cm]?[jt]s(\s|$)/.test(command);
}

function unreadable(what: string, why: string, todo: string, cause?: unknown): HeadcountError {
  return new HeadcountError('PROCFILE_UNREADABLE', what, why, todo, cause === undefined ? {} : { cause });
}

function reasonOf(error: NodeJS.ErrnoException): string {
  const known: Record<string, string> = {
    ENOENT: 'there is no such file',
    EACCES: 'the file may not be read by this user',
    EISDIR: 'it is a folder',
  };
  return known[error.code ?? ''] ?? error.message;
}
