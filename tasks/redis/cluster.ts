/**
 * One node of a Redis Cluster, as a connection of its own: the one that has the slot of this app's keys. All keys of an
 * app carry one hash tag, `{headcount}` or the prefix it was given, so that a take, which touches a queue and `unacked`
 * in one step, is possible at all: it must find them on one node. Apps with different prefixes spread over the nodes.
 *
 * The cluster client of the library was the other way. It would follow slots that cannot move apart here, subscribe on
 * a node of its own choice, and PUBLISH would then count only some of those who heard. This asks any node that it knows
 * where the slot is, at each connection; an answer MOVED makes it connect again.
 */
import { connect, Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { AbstractConnector, Redis, RedisOptions } from 'ioredis';
import { addressesIn } from '../open.ts';

export interface Library {
  readonly Redis: {
    new (options: RedisOptions): Redis;
    new (url: string, options: RedisOptions): Redis;
  };
  readonly AbstractConnector: typeof AbstractConnector;
}

interface Node {
  readonly host: string;
  readonly port: number;
}

const slotCount = 16_384;
const askTimeoutMs = 3_000;
const disconnectTimeoutMs = 2_000;
const mostNodes = 100;
const defaultPort = 6_379;

/** A prefix with a hash tag; one that has its own keeps it. */
export function hashTagged(keyPrefix: string): string {
  if (/\{[^}]+\}/.test(keyPrefix)) return keyPrefix;
  return `{${keyPrefix === '' ? 'headcount' : keyPrefix}}`;
}

/** CRC16 (XMODEM) of the hash tag, as in the specification of Redis Cluster. */
export function slotOf(key: string): number {
  const tag = /\{([^}]+)\}/.exec(key)?.[1] ?? key;
  let crc = 0;
  for (const byte of Buffer.from(tag)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++)
      crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
  }
  return crc % slotCount;
}

/** @param keyPrefix with its hash tag */
export function clusterOptions(
  library: Library,
  url: string,
  keyPrefix: string,
  tls: ConnectionOptions | undefined,
): RedisOptions {
  const parts = addressesIn(url).map((part) => new URL(part));
  const seeds = parts.map(({ hostname, port }) => ({ host: hostname, port: Number(port) || defaultPort }));
  const { username, password } = parts.find((part) => part.password !== '') ?? { username: '', password: '' };
  const access: RedisOptions = {
    ...(username ? { username: decodeURIComponent(username) } : {}),
    ...(password ? { password: decodeURIComponent(password) } : {}),
    ...(tls ? { tls } : {}),
  };
  const find = ownerFinder(library, seeds, slotOf(keyPrefix), access);
  return { ...access, ...seeds[0], Connector: connectorTo(library, find, tls) };
}

/** What the library asks for a socket at each connection. */
function connectorTo(
  library: Library,
  find: () => Promise<Node>,
  tls: ConnectionOptions | undefined,
): NonNullable<RedisOptions['Connector']> {
  return class SlotConnector extends library.AbstractConnector {
    constructor() {
      super(disconnectTimeoutMs);
    }
    override async connect(): Promise<Socket> {
      this.connecting = true;
      const owner = await find().catch((error: Error) => {
        this.firstError = error;
      });
      // The library gives up for ever on a connector that rejects; after a socket that failed it tries again.
      if (!owner) return new Socket().destroy();
      if (!this.connecting) throw new RangeError('the connection was closed');
      const socket = tls ? connectTls({ ...owner, ...tls }) : connect({ ...owner });
      this.stream = socket;
      return socket;
    }
  };
}

/** Asks one node after the other, and first another one than the last time: the last one may have been wrong. */
function ownerFinder(
  library: Library,
  seeds: readonly Node[],
  slot: number,
  access: RedisOptions,
): () => Promise<Node> {
  let known = [...seeds];
  let turn = 0;
  return async () => {
    let failure: unknown = new RangeError('no node of the cluster knows who has the slot');
    const first = turn++;
    const nodes = known.map((_, i) => known[(first + i) % known.length]).filter((node) => node !== undefined);
    for (const node of nodes) {
      try {
        const found = await askNode(library, node, slot, access);
        if (!found.owner) continue;
        known = distinct([...seeds, ...found.nodes]).slice(0, mostNodes);
        return found.owner;
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  };
}

async function askNode(
  library: Library,
  node: Node,
  slot: number,
  access: RedisOptions,
): Promise<{ owner: Node | undefined; nodes: Node[] }> {
  const client = new library.Redis({
    ...access,
    ...node,
    protocol: 2,
    lazyConnect: true,
    connectTimeout: askTimeoutMs,
    commandTimeout: askTimeoutMs,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  client.on('error', () => {});
  try {
    const ranges = (await client.cluster('SLOTS')) as unknown as [
      number,
      number,
      ...[string | null, number][],
    ][];
    // A node that does not know its own name leaves it empty.
    const nodeOf = ([host, port]: [string | null, number]): Node => ({ host: host || node.host, port });
    const range = ranges.find(([from, to]) => from <= slot && slot <= to);
    return {
      owner: range?.[2] && nodeOf(range[2]),
      nodes: ranges.flatMap(([, , ...servers]) => servers.map(nodeOf)),
    };
  } finally {
    client.disconnect();
  }
}

function distinct(nodes: readonly Node[]): Node[] {
  return [...new Map(nodes.map((node) => [`${node.host}:${node.port}`, node])).values()];
}
