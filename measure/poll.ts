/**
 * One question for all: whoever asks an app's info endpoint while a question is under way waits for the same answer. Every
 * manager of an app asks in the same checkup, and an app should not count its queues once for each. Each keeps his own time
 * limit; when the last one has left, the question is dropped. An answer is not kept for later: it would be old.
 */
import { type FetchInfo, fetchInfo, type Info } from './info.ts';

interface Question {
  readonly answer: Promise<Info>;
  readonly dropped: AbortController;
  askersCount: number;
  /** It was answered: there is nothing to drop any more, and an abort makes an error with its stack. */
  over: boolean;
}

/** Longer than any asker may wait. */
const longestMs = 30_000;

export function createPoll(ask: FetchInfo = fetchInfo): FetchInfo {
  const underWay = new Map<string, Question>();
  const begin = (key: string, appUrl: string, token: string): Question => {
    const dropped = new AbortController();
    const answer = ask(appUrl, token, dropped.signal, { timeoutMs: longestMs });
    const question = { answer, dropped, askersCount: 0, over: false };
    const end = (): void => {
      question.over = true;
      if (underWay.get(key) === question) underWay.delete(key);
    };
    underWay.set(key, question);
    answer.then(end, end);
    return question;
  };
  return async (appUrl, token, signal, { timeoutMs = 5_000 } = {}) => {
    signal.throwIfAborted();
    const key = JSON.stringify([appUrl, token]);
    const question = underWay.get(key) ?? begin(key, appUrl, token);
    question.askersCount += 1;
    try {
      return await within(timeoutMs, signal, question.answer, appUrl);
    } finally {
      question.askersCount -= 1;
      if (question.askersCount === 0) {
        underWay.delete(key);
        if (!question.over) question.dropped.abort();
      }
    }
  };
}

async function within(
  timeoutMs: number,
  signal: AbortSignal,
  answer: Promise<Info>,
  appUrl: string,
): Promise<Info> {
  let stop = (): void => undefined;
  const late = new Promise<Info>((resolve, reject) => {
    const problem = `no complete answer came within ${timeoutMs / 1_000} s`;
    const url = `${appUrl.replace(/\/\/[^/]*@/, '//').replace(/\/+$/, '')}/hirefire/…/info`;
    const timer = setTimeout(resolve, timeoutMs, {
      ok: false,
      url,
      milliseconds: timeoutMs,
      entries: [],
      problem,
    });
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    stop = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    };
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    stop();
  }
}
