/** For tests: a way to a server that can be cut, as a network is. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface Cuttable {
  readonly port: number;
  /** Breaks every connection; new ones pass. */
  cut(): void;
  /** Until `mend`, new ones are broken too. */
  block(): void;
  mend(): void;
  close(): void;
}

/** @param port of the server on this machine */
export async function cuttable(port: number): Promise<Cuttable> {
  const sockets = new Set<Socket>();
  let blocked = false;
  const proxy = createServer((near) => {
    if (blocked) {
      near.destroy();
      return;
    }
    const far = connect(port, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket.on('error', () => {}));
      socket.on('close', () => {
        sockets.delete(socket);
        // A server that goes takes its clients' connections along.
        (socket === near ? far : near).destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    for (const socket of [...sockets]) socket.destroy();
    sockets.clear();
  };
  return {
    port: (proxy.address() as AddressInfo).port,
    cut,
    block: () => {
      blocked = true;
      cut();
    },
    mend: () => {
      blocked = false;
    },
    close: () => {
      cut();
      proxy.close();
    },
  };
}
