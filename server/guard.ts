/**
 * Keeps addresses that people enter from leading into this machine or its private network (server-side request forgery).
 *
 * The name is resolved once, every address that it has is judged, and the connection goes to the one that was judged: a name
 * that answers differently a second time (DNS rebinding) gains nothing. Only public unicast addresses pass, and those that the
 * configuration allows. Looking at the text of the address alone was rejected: any public name may point at 127.0.0.1.
 * Where clouds tell a machine its own passwords (169.254.169.254 and the like) leads nothing but a list that names it.
 */
import { lookup as resolve } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { HeadcountError } from '../decide/errors.ts';

export interface Guard {
  /** For the options of node:http, node:https, node:net and node:tls. */
  readonly lookup: LookupFunction;
  /** @throws HeadcountError ADDRESS_REFUSED when the address itself names a refused one */
  check(url: URL): void;
}

/** `true`: every address but link-local ones. A list: these networks beside the public ones, as `10.0.0.0/8` or `10.1.2.3`. */
export type Allowed = true | readonly string[];

/** @param resolveName How names are looked up. Default: as the machine does. */
export function createGuard(allowed: Allowed, resolveName: typeof resolve = resolve): Guard {
  const networks = allowed === true ? [] : allowed.map(networkOf);
  const mayReach = (address: string): boolean =>
    isIn(address, networks) || (allowed === true ? !isOfTheMachine(address) : isPublic(address));
  return {
    check: ({ hostname }) => {
      const host = hostname.replace(/^\[|\]$/g, '');
      if (isIP(host) && !mayReach(host)) throw refused(hostname, host);
    },
    lookup: (hostname, options, callback) => {
      resolveName(hostname, { ...options, all: true }, (error, addresses) => {
        if (error) return callback(error, '', 0);
        const bad = addresses.find(({ address }) => !mayReach(address));
        const [first] = addresses;
        if (bad || !first) return callback(refused(hostname, bad?.address ?? 'nothing'), '', 0);
        if (options.all) return callback(null, addresses);
        return callback(null, first.address, first.family);
      });
    },
  };
}

/** What is wrong with a list of allowed networks; empty when nothing is. */
export function problemsWithNetworks(networks: readonly string[]): string[] {
  return networks
    .filter((network) => !ipaddr.isValidCIDR(network) && !ipaddr.isValid(network))
    .map((network) => `"${network}" is no network; write one like 10.0.0.0/8`);
}

function networkOf(text: string): ReturnType<typeof ipaddr.parseCIDR> {
  if (ipaddr.isValidCIDR(text)) return ipaddr.parseCIDR(text);
  const address = ipaddr.parse(text);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

/** Outside the link-local range; the first two are Amazon's and Alibaba's. */
const metadata = ['fd00:ec2::254', '100.100.100.200'].map((address) => ipaddr.parse(address).toString());

/** Also where it is written as an IPv6 address that gateways turn into an IPv4 one. */
function isOfTheMachine(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  const behind = ['rfc6052', 'rfc6145'].includes(parsed.range())
    ? ipaddr.fromByteArray(parsed.toByteArray().slice(-4))
    : parsed;
  return behind.range() === 'linkLocal' || metadata.includes(behind.toString());
}

function isPublic(address: string): boolean {
  return ipaddr.isValid(address) && ipaddr.process(address).range() === 'unicast';
}

function isIn(address: string, networks: readonly ReturnType<typeof ipaddr.parseCIDR>[]): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  return networks.some(
    ([base, bits]) => base.kind() === parsed.kind() && parsed.match([base, bits] as never),
  );
}

function refused(name: string, address: string): HeadcountError {
  return new HeadcountError(
    'ADDRESS_REFUSED',
    `The address ${name} is not called`,
    `it leads to ${address}, which is not on the public internet`,
    'Allow its network with "allowPrivateAddresses" in headcount.yaml, or correct the address.',
  );
}
