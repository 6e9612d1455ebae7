/** Whether somebody listens on a port of this machine. */
import { connect } from 'node:net';

const limitMs = 1_000;
const highestPort = 65_535;

/** Tries IPv4 and IPv6, because a program may listen on either. */
export async function accepts(port: number): Promise<boolean> {
  if (port > highestPort) return false;
  const answers = await Promise.all(['127.0.0.1', '::1'].map((host) => acceptsAt(host, port)));
  return answers.includes(true);
}

function acceptsAt(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: limitMs });
    const answer = (yes: boolean): void => {
      socket.destroy();
      resolve(yes);
    };
    socket.once('connect', () => answer(true));
    socket.once('timeout', () => answer(false));
    socket.once('error', () => answer(false));
  });
}
