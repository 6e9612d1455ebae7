/** What the controller and its keeper say to each other over the keeper's IPC channel. */

/** From the controller to the keeper. */
export type Order =
  | {
      readonly do: 'start';
      readonly name: string;
      /** What `sh -c` gets. */
      readonly shell: string;
      readonly folder: string;
      /** Added to the environment that the keeper inherited. */
      readonly env: Readonly<Record<string, string>>;
      /** Whether the program is a Node program, which can report over an IPC channel of its own. */
      readonly ipc: boolean;
    }
  | { readonly do: 'stop'; readonly name: string }
  /** Take no new jobs; with `quiet: false` take jobs again. */
  | { readonly do: 'drain'; readonly name: string; readonly quiet: boolean }
  /** A word about the life of a process, for its log file. */
  | { readonly do: 'note'; readonly name: string; readonly text: string }
  /** Stop everything, then end. The end of the channel means the same. */
  | { readonly do: 'end' };

/** From the keeper to the controller. */
export type News =
  | { readonly is: 'ready' }
  | { readonly is: 'started'; readonly name: string; readonly pid: number }
  | { readonly is: 'line'; readonly name: string; readonly text: string }
  | {
      readonly is: 'report';
      readonly name: string;
      readonly running: number;
      readonly slots: number;
      /** It takes no new jobs, because it was told so. */
      readonly quiet?: boolean;
    }
  | ({ readonly is: 'ended'; readonly name: string } & Ending);

export interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
  /** Why it could not be started at all. */
  readonly why?: string;
}
