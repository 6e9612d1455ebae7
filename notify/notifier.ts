/** Tells people what happened: the contract of a notifier, and the words that it speaks. */
import type { OptionSpec, Options } from '../decide/options.ts';

/** One thing that happened. */
export interface Notice {
  /** Its own, for whoever receives it twice. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** `opened` and `resolved` are the two ends of an issue and share its `key`. */
  readonly kind: 'opened' | 'resolved' | 'scaled' | 'test';
  readonly key: string;
  readonly severity: 'critical' | 'warning' | 'info';
  readonly app: string;
  readonly processType?: string;
  /** One line, without the names of the app and the process type. */
  readonly title: string;
  /** One or more sentences; empty where the title says it all. */
  readonly text: string;
  /** Where to look. */
  readonly url?: string;
}

export interface Notifier {
  readonly name: string;
  /** All of them, oldest first, in as few messages as the receiver allows. @throws HeadcountError NOTIFY_FAILED */
  send(notices: readonly Notice[], signal: AbortSignal): Promise<void>;
}

/** One POST. Not followed where it redirects; the answer's text is bounded. Rejects when there is no answer. */
export type Post = (request: {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
}) => Promise<{ readonly status: number; readonly text: string }>;

export interface NotifierSurroundings {
  readonly post: Post;
  readonly now: () => number;
}

export interface NotifierKind {
  /** As the file is named: `slack`. */
  readonly use: string;
  readonly title: string;
  readonly help: string;
  readonly options: readonly OptionSpec[];
  /** What is wrong with options that pass their description. */
  problems?(options: Options): string[];
  create(options: Options, surroundings: NotifierSurroundings): Notifier;
}
