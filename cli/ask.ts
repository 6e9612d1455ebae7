/**
 * Questions at a terminal, and answers that are piped in: the same code for a person and for a script.
 *
 * Lines are kept until somebody asks for them, since a pipe brings all of them at once and readline's own question() would lose
 * those that come too early. Ctrl-C ends with `Stopped`, the end of the input with an error that names the flag which
 * answers instead. A prompt library was rejected: it would draw menus and be of no use to a script.
 */
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { HeadcountError } from '../server/errors.ts';

export interface Asker {
  /** False where nobody sits: then what no flag answers is taken from a pipe, or fails. */
  readonly interactive: boolean;
  /** The answer without spaces around it; an empty one is `preset`. Asks again until `problem` has none. */
  text(question: Question): Promise<string>;
  /** What is typed is not shown. */
  secret(question: Question): Promise<string>;
  yes(question: Question & { readonly preset: 'yes' | 'no' }): Promise<boolean>;
  close(): void;
}

export interface Question {
  readonly ask: string;
  readonly preset?: string;
  /** The flag that answers it, for the error message: `--app NAME`. */
  readonly flag: string;
  /** What is wrong with an answer, as a sentence; nothing when it is good. */
  problem?(answer: string): string | undefined;
}

/** Somebody pressed Ctrl-C. */
export class Stopped extends Error {}

export const stoppedExit = 130;
const tries = 5;

type Input = NodeJS.ReadableStream & { readonly isTTY?: boolean };
type Output = NodeJS.WritableStream;

export function createAsker(input: Input = process.stdin, output: Output = process.stderr): Asker {
  const interactive = input.isTTY === true;
  const lines = linesOf(input, output, interactive);
  const ask = async (question: Question, hidden: boolean): Promise<string> => {
    const { ask, preset, flag, problem } = question;
    for (let left = tries; ; left--) {
      const shown = preset === undefined || preset === '' ? '' : ` [${preset}]`;
      const answer = (await lines.next(`${ask}${shown}: `, hidden, flag)).trim() || (preset ?? '');
      const wrong = answer === '' && preset === undefined ? 'An answer is needed.' : problem?.(answer);
      if (wrong === undefined) return answer;
      if (!interactive || left <= 1) throw needed(flag, wrong);
      output.write(`${wrong}\n`);
    }
  };
  return {
    interactive,
    text: (question) => ask(question, false),
    secret: (question) => ask(question, true),
    yes: async (question) =>
      /^y/i.test(
        await ask(
          {
            ...question,
            problem: (text) => (/^(y|yes|n|no)$/i.test(text) ? undefined : 'Answer yes or no.'),
          },
          false,
        ),
      ),
    close: lines.close,
  };
}

interface Lines {
  next(prompt: string, hidden: boolean, flag: string): Promise<string>;
  close(): void;
}

function linesOf(input: Input, output: Output, terminal: boolean): Lines {
  const kept: string[] = [];
  let hiding = false;
  let ended = false;
  let stopped = false;
  let waiting: { give(line: string): void; fail(): void } | undefined;
  const shown = new Writable({
    write: (chunk, _encoding, done) => {
      if (!hiding) output.write(chunk);
      done();
    },
  });
  const reader = createInterface({ input, output: shown, terminal });
  reader.on('line', (line) => {
    // The next line may come before whoever waited for this one runs on.
    const asked = waiting;
    waiting = undefined;
    if (asked) asked.give(line);
    else kept.push(line);
  });
  reader.on('SIGINT', () => {
    stopped = true;
    reader.close();
  });
  reader.on('close', () => {
    ended = true;
    waiting?.fail();
  });
  return {
    next: async (prompt, hidden, flag) => {
      output.write(prompt);
      const line = kept.shift();
      if (line !== undefined) return line;
      if (ended) throw stopped ? new Stopped() : needed(flag, 'the input ended');
      hiding = hidden && terminal;
      try {
        return await new Promise<string>((resolve, reject) => {
          waiting = {
            give: resolve,
            fail: () => reject(stopped ? new Stopped() : needed(flag, 'the input ended')),
          };
        });
      } finally {
        waiting = undefined;
        if (hiding) output.write('\n');
        hiding = false;
      }
    },
    close: () => reader.close(),
  };
}

function needed(flag: string, why: string): HeadcountError {
  return new HeadcountError(
    'ANSWER_NEEDED',
    'A question has no answer',
    why.replace(/\.$/, ''),
    `Give ${flag}.`,
  );
}
