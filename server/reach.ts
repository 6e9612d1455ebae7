/**
 * Where the addresses of apps and meters may lead, which people enter for the controller to call.
 *
 * The public internet always, and private networks where the configuration allows them. A controller that listens on this machine
 * alone, without a public address, is one person's: nobody else enters addresses there, so it reaches private ones too. What
 * stands in headcount.yaml was written by the operator and is reached as it is, by its whole origin, so that naming
 * http://shop:5000 opens no other port of that machine.
 *
 * Judging only what is saved was rejected: a name may lead elsewhere tomorrow. Every call is judged again.
 */
import type { Choice } from '../decide/words.ts';
import { type Call, createCall, type Reach } from '../measure/call.ts';
import { createFetchInfo, type FetchInfo } from '../measure/info.ts';
import type { Config } from './config.ts';
import { type Allowed, createGuard, type Guard } from './guard.ts';

export interface Outreach {
  readonly call: Call;
  readonly fetchInfo: FetchInfo;
  /**
   * Looks the names of these addresses up, and lets pass what is no http address and what nobody knows (yet).
   *
   * @throws HeadcountError ADDRESS_REFUSED
   */
  judge(addresses: readonly string[]): Promise<void>;
}

/** A name server that is slow keeps nobody from saving; the call itself is judged in any case. */
const judgeLimitMs = 2_000;

/** @param guard Absent: every address is reached. */
export function createOutreach(guard?: Guard, named: readonly string[] = []): Outreach {
  const origins = new Set(named.flatMap(originOf));
  const reach: Reach = (url) => {
    if (!guard || origins.has(url.origin)) return undefined;
    guard.check(url);
    return guard.lookup;
  };
  const call = createCall(reach);
  return {
    call,
    fetchInfo: createFetchInfo(call),
    judge: async (addresses) => {
      const urls = addresses.filter(isHttp).map((address) => new URL(address));
      await Promise.all(urls.map((url) => judge(reach, url)));
    },
  };
}

/** What the configuration lets the addresses of apps and meters lead to. */
export function allowedFor({ allowPrivateAddresses, host, publicUrl }: Config): Allowed {
  if (allowPrivateAddresses !== undefined) return allowPrivateAddresses;
  return publicUrl === undefined && isLoopback(host) ? true : [];
}

export function outreachOf(config: Config): Outreach {
  return createOutreach(createGuard(allowedFor(config)), addressesIn(config));
}

/** The options of meters that are addresses: whichever they are, no adapter is named here. */
export function addressesOf(choices: readonly Choice[]): string[] {
  return choices.flatMap(({ options }) =>
    Object.values(options).filter((value): value is string => typeof value === 'string' && isHttp(value)),
  );
}

function addressesIn({ apps }: Config): string[] {
  return apps.flatMap(({ url, managers }) => [
    ...(url === undefined ? [] : [url]),
    ...managers.flatMap(({ meters }) => addressesOf(meters)),
  ]);
}

async function judge(reach: Reach, url: URL): Promise<void> {
  const lookup = reach(url);
  if (!lookup) return;
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, judgeLimitMs);
    const hostname = url.hostname.replace(/^\[|\]$/g, '');
    lookup(hostname, { all: true }, (error) => {
      clearTimeout(timer);
      if (error && 'code' in error && error.code === 'ADDRESS_REFUSED') reject(error);
      else resolve();
    });
  });
}

function originOf(address: string): string[] {
  return isHttp(address) ? [new URL(address).origin] : [];
}

function isHttp(address: string): boolean {
  return /^https?:\/\//i.test(address) && URL.canParse(address);
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host);
}
