/**
 * Python's Celery whose jobs mark their start and end with files and end when the test says so: what a broker holds meanwhile is known
 * without asking it. One folder has several scenes, each with files, a gate and settings of its own.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject } from 'vitest';
import { killGroup } from './servers.ts';

export interface GatedScene {
  /** Jobs that block at the gate; `options` as `apply_async` takes them. */
  send(count: number, options?: object): Promise<void>;
  revoke(taskId: string): Promise<void>;
  /** With these further arguments; it leads a process group. */
  worker(...args: string[]): ChildProcess;
  /** Jobs that began, by the files that they wrote. */
  started(): number;
  finished(): number;
  openGate(): void;
}

export interface GatedSettings {
  /** Default: `celery`. */
  readonly queue?: string;
  /** Which queue the setting `exchange` binds. Default: `queue`. */
  readonly bound?: string;
  /** Of Celery; and `exchange`, the one to which the queue is bound. */
  readonly settings: object;
}

export interface GatedCelery {
  /** @param name no other scene of the folder has it */
  scene(name: string, broker: string, given: GatedSettings): GatedScene;
  kill(child: ChildProcess): Promise<void>;
  killAll(): Promise<void>;
}

const quiet = '-m celery -A probe worker -l error --without-mingle --without-gossip'.split(' ');

export function gatedCelery(folder: string): GatedCelery {
  const children = new Set<ChildProcess>();
  writeFileSync(join(folder, 'probe.py'), probe);
  const kill = async (child: ChildProcess): Promise<void> => {
    children.delete(child);
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    killGroup(child);
    await gone;
  };
  return {
    scene: (name, broker, given) => sceneIn(folder, name, environment(folder, name, broker, given), children),
    kill,
    killAll: async () => void (await Promise.all([...children].map(kill))),
  };
}

function environment(
  folder: string,
  name: string,
  broker: string,
  { queue = 'celery', bound = queue, settings }: GatedSettings,
): NodeJS.ProcessEnv {
  return {
    ...process.env,
    PROBE_BROKER: broker,
    PROBE_QUEUE: queue,
    PROBE_BOUND: bound,
    PROBE_FOLDER: join(folder, name),
    PROBE_SETTINGS: JSON.stringify(settings),
  };
}

function sceneIn(
  folder: string,
  name: string,
  env: NodeJS.ProcessEnv,
  children: Set<ChildProcess>,
): GatedScene {
  const python = (...args: string[]): ChildProcess => {
    const options = { cwd: folder, env, detached: true, stdio: 'ignore' } as const;
    const child = spawn(inject('servers').python, args, options);
    children.add(child);
    return child;
  };
  const run = async (...args: string[]): Promise<void> => {
    const child = python('probe.py', ...args);
    expect(await new Promise((resolve) => child.once('exit', resolve)), args.join(' ')).toBe(0);
  };
  const files = (suffix: string): number =>
    readdirSync(folder).filter((file) => file.startsWith(`${name}.`) && file.endsWith(suffix)).length;
  return {
    send: (count, options = {}) => run('send', String(count), JSON.stringify(options)),
    revoke: (taskId) => run('revoke', taskId),
    worker: (...args) => python(...quiet, ...args),
    started: () => files('.started'),
    finished: () => files('.finished'),
    openGate: () => writeFileSync(join(folder, `${name}.gate`), ''),
  };
}

const probe = `
import json, os, sys, time
from celery import Celery
from kombu import Exchange, Queue

folder = os.environ['PROBE_FOLDER']
settings = json.loads(os.environ['PROBE_SETTINGS'])
exchange = settings.pop('exchange', None)
app = Celery('probe', broker=os.environ['PROBE_BROKER'])
app.conf.update(task_ignore_result=True, task_default_queue=os.environ['PROBE_QUEUE'], **settings)
if exchange:
    app.conf.task_queues = [Queue(os.environ['PROBE_BOUND'], Exchange(exchange), routing_key=exchange + '.low')]

@app.task(bind=True, name='probe.block')
def block(self):
    name = folder + '.' + self.request.id
    open(name + '.started', 'w').close()
    while not os.path.exists(folder + '.gate'):
        time.sleep(0.02)
    open(name + '.finished', 'w').close()

if __name__ == '__main__':
    if sys.argv[1] == 'revoke':
        app.control.revoke(sys.argv[2])
        sys.exit(0)
    for _ in range(int(sys.argv[2])):
        block.apply_async(**json.loads(sys.argv[3]))
`;
