export { type AppOptions, createApp, type TasksApp } from './app.ts';
export type { Beat, BeatClock, BeatOptions } from './beat/beat.ts';
export type { BeatEntries, Entry } from './beat/entries.ts';
export type { EntryFields, EntryOptions, MissedPolicy } from './beat/entry.ts';
export { crontab, every, isDue, nextRun, type Schedule, solar } from './beat/schedule.ts';
export { loadSun, type SolarEvent, type Sun } from './beat/solar.ts';
export type { Depth, Log } from './broker.ts';
export { chain, chainOf, chord, group } from './canvas/signatures.ts';
export type {
  AnySignature,
  FailedTask,
  GroupResult,
  Signature,
  SignatureData,
  Stamps,
} from './canvas/typed.ts';
export type { Ask, Control, EventSeen } from './control.ts';
export { type TaskErrorCode, TasksError, taskErrorCodes } from './errors.ts';
export type { Compression, FormatOptions, Serializer } from './format.ts';
export type { RedisSettings } from './open.ts';
export type { RabbitSettings } from './rabbitmq/settings.ts';
export type { ArgumentsSchema } from './schema.ts';
export type {
  AsyncResult,
  ErrorKind,
  Handler,
  RetryOptions,
  SendOptions,
  Task,
  TaskContext,
  TaskOptions,
} from './task.ts';
export { Ignore, Reject } from './task.ts';
export { PythonText, type PythonValues, python } from './values.ts';
export type { Worker, WorkerOptions } from './worker.ts';
