import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { describe, expect, test } from 'vitest';
import { agentContract } from './contract.ts';
import { forNest } from './index.ts';

class Pages {
  home(): string {
    return 'app';
  }
}
class App {}
// As the decorators do it, which the settings of this repository leave out.
Controller()(Pages);
const home = Object.getOwnPropertyDescriptor(Pages.prototype, 'home');
Get('/')(Pages.prototype, 'home', home as PropertyDescriptor);
Module({ controllers: [Pages] })(App);

describe.each([
  ['NestJS 12', undefined],
  ['NestJS 12 with a prefix for everything', 'api'],
])('%s', (_name, prefix) => {
  agentContract({ test, expect }, async (agent) => {
    const app = await NestFactory.create(App, { logger: false });
    if (prefix) app.setGlobalPrefix(prefix, { exclude: ['/'] });
    app.use(forNest(agent));
    await app.listen(0, '127.0.0.1');
    return { url: await app.getUrl(), close: () => app.close() };
  });
});
