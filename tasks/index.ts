export { type AppOptions, createApp, type TasksApp } from './app.ts';
export type { Depth, Log } from './broker.ts';
export type { Ask, Control, EventSeen } from './control.ts';
export { type TaskErrorCode, TasksError, taskErrorCodes } from './errors.ts';
export type { Compression, FormatOptions, Serializer } from './format.ts';
export type { RedisSettings } from './open.ts';
export type { RabbitSettings } from './rabbitmq/link.ts';
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
