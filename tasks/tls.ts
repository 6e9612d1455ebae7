/** Options of TLS in an address, by redis-py's names, as Celery writes them: `?ssl_cert_reqs=none`, `?ssl_ca_certs=/path`. */
import { readFileSync } from 'node:fs';
import type { ConnectionOptions } from 'node:tls';
import { TasksError, textOf } from './errors.ts';

/** Undefined for an address without TLS. @throws TasksError OPTION_INVALID for a file that cannot be read */
export function tlsOf(
  address: string,
): Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'rejectUnauthorized'> | undefined {
  const url = new URL(address);
  if (!/^(rediss\b|amqps:)/.test(url.protocol)) return undefined;
  const file = (name: string): string | undefined => {
    const path = url.searchParams.get(name);
    return path === null ? undefined : readText(name, path);
  };
  const given = { ca: file('ssl_ca_certs'), cert: file('ssl_certfile'), key: file('ssl_keyfile') };
  return {
    ...(/^(cert_)?none$/i.test(url.searchParams.get('ssl_cert_reqs') ?? '')
      ? { rejectUnauthorized: false }
      : {}),
    ...Object.fromEntries(Object.entries(given).filter(([, text]) => text !== undefined)),
  };
}

function readText(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new TasksError(
      'OPTION_INVALID',
      `The file of ${name} cannot be read`,
      textOf(error),
      'Correct the address of the broker',
      { cause: error },
    );
  }
}
