import { expect, test } from 'vitest';
import { parseAddress, parseResultsAddress, withoutPassword } from './open.ts';

test('addresses of brokers, as Celery writes them', () => {
  const forms: [string, object][] = [
    ['sqlite:./broker.db', { kind: 'sqlite', path: './broker.db' }],
    ['sqlite:///var/broker.db', { kind: 'sqlite', path: '/var/broker.db' }],
    ['memory:', { kind: 'memory', name: '' }],
    ['memory://', { kind: 'memory', name: '' }],
    ['memory:shop', { kind: 'memory', name: 'shop' }],
    ['redis://:secret@host:6379/1', { kind: 'redis', url: 'redis://:secret@host:6379/1' }],
    ['rediss://host?ssl_cert_reqs=none', { kind: 'redis', url: 'rediss://host?ssl_cert_reqs=none' }],
    ['sentinel://a:1/0;sentinel://b:2', { kind: 'redis', url: 'sentinel://a:1/0;sentinel://b:2' }],
    ['redis+cluster://a;redis+cluster://b', { kind: 'redis', url: 'redis+cluster://a;redis+cluster://b' }],
    ['pyamqp://a//', { kind: 'rabbitmq', url: 'amqp://a//' }],
    ['amqp://a/v; pyamqp://b/v', { kind: 'rabbitmq', url: 'amqp://a/v;amqp://b/v' }],
  ];
  for (const [text, address] of forms) expect([text, parseAddress(text)]).toEqual([text, address]);
});

test('what is no address says what one looks like, without the password', () => {
  for (const text of [
    '',
    'redis',
    'sqlite:',
    'sqlite::memory:',
    'http://a',
    'redis://a;redis://b',
    'redis://a/first',
    'rediss+sentinel://a;rediss+sentinel://b/x',
    'amqp://a;redis://b',
    'rpc://',
  ])
    expect(() => parseAddress(text)).toThrow(expect.objectContaining({ code: 'BROKER_URL_INVALID' }));
  expect(() => parseAddress('ftp://me:secret@host')).toThrow(/^(?!.*secret)/s);
  expect(withoutPassword('amqp://u:one@a;amqp://u:two@b')).toBe('amqp://***@a;amqp://***@b');
});

test('addresses of results', () => {
  const rabbit = parseAddress('amqp://a;amqp://b');
  const redis = parseAddress('redis://a');
  expect(parseResultsAddress('rpc://', rabbit)).toEqual({ kind: 'rpc', url: 'amqp://a;amqp://b' });
  expect(parseResultsAddress('redis://a', rabbit)).toEqual(redis);
  for (const text of ['postgres://u:p@h/d', 'postgresql://u:p@h/d', 'db+postgresql+psycopg2://u:p@h/d'])
    expect(parseResultsAddress(text, redis)).toEqual({ kind: 'postgresql', url: 'postgresql://u:p@h/d' });
  expect(() => parseResultsAddress('rpc://', redis)).toThrow(
    /rpc:\/\/ brings results over a broker on RabbitMQ/,
  );
  expect(() => parseResultsAddress('amqp://a', rabbit)).toThrow(/keeps no results that can be read twice/);
});
