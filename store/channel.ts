/** Where people are told, and of what: the shapes. channels.ts keeps them. */
import type { Choice } from '../decide/words.ts';
import type { Severity } from './store.ts';

/** Where people are told. */
export interface Channel {
  readonly id: string;
  /** Unique within the organisation. */
  readonly name: string;
  readonly notifier: Choice;
  readonly tells: Tells;
  readonly createdAt: number;
  /** It tells of apps of this one only. Absent: of every app. */
  readonly organisationId?: string;
}

/** Of what a channel tells. */
export interface Tells {
  readonly opened: boolean;
  readonly resolved: boolean;
  readonly scaled: boolean;
  readonly leastSeverity: Severity;
  /** Names; absent: all apps. */
  readonly apps?: readonly string[];
  /** What comes within this time after the first is one message. */
  readonly groupSeconds: number;
  readonly quiet?: Quiet;
}

/** Hours in which only what is critical is told; the rest waits for their end. */
export interface Quiet {
  /** On the wall of the time zone, as 22:00. */
  readonly from: string;
  readonly to: string;
  readonly timeZone: string;
}

export interface Channels {
  /** By name. */
  list(): Promise<Channel[]>;
  /** @throws HeadcountError NAME_TAKEN */
  create(channel: Omit<Channel, 'id' | 'createdAt'>, now: number): Promise<Channel>;
  /** @throws HeadcountError NOT_FOUND, NAME_TAKEN */
  update(id: string, change: Partial<Pick<Channel, 'name' | 'notifier' | 'tells'>>): Promise<Channel>;
  remove(id: string): Promise<void>;
}
