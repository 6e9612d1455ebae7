/**
 * Wait until ready: a request whose answer needs a worker waits for it, but not for ever. Within two seconds the answer is
 * the result; after that it is 202 with the address at which to ask again, and the work goes on meanwhile.
 */
import { createServer, type Server } from 'node:http';
import { json } from 'node:stream/consumers';
import { TasksError } from '@headcount/tasks';
import { app, type Track, type Waveform, waveform } from './tasks.ts';

const patienceMs = 2_000;

export const waveforms: Server = createServer(async (request, response) => {
  const [, id] = /^\/waveforms\/([\w-]{36})$/.exec(request.url ?? '') ?? [];
  const result: Waveform = id ? app.result(id) : await waveform.delay((await json(request)) as Track);
  const answer = await outcome(result);
  response.writeHead(answer.status, {
    'content-type': 'application/json',
    location: `/waveforms/${result.id}`,
  });
  response.end(JSON.stringify(answer.body));
});

async function outcome(result: Waveform): Promise<{ status: number; body: unknown }> {
  try {
    return { status: 200, body: await result.get({ timeoutMs: patienceMs }) };
  } catch (error) {
    const code = error instanceof TasksError ? error.code : 'BROKER_UNREACHABLE';
    if (code === 'RESULT_TIMEOUT') return { status: 202, body: { id: result.id } };
    return { status: code === 'TASK_FAILED' ? 500 : 503, body: { error: code } };
  }
}
