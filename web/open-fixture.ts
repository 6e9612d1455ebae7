/** For tests against made-up data: one browser for all tests of a block, made-up data of its own for each test, and no complaint of any page. */
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject } from 'vitest';
import { type Look, startBrowser, type Visitor } from './browser.ts';
import { type Fixture, startFixture } from './fixture.ts';

export interface OpenFixture {
  readonly browser: Pick<Visitor, 'open'>;
  /** Of the test that runs. */
  readonly fixture: Pick<Fixture, 'url' | 'state' | 'emit' | 'emitIssue' | 'listeners' | 'breakStreams'>;
  /** A page of its own, in a browser that knows nothing of the others. */
  open(path: string, look?: Look): Promise<Page>;
}

/** To be called once within a `describe`. */
export function openFixture(): OpenFixture {
  let visitor: Visitor;
  let current: Fixture;
  beforeAll(async () => {
    visitor = await startBrowser(inject('servers').chromium);
  });
  afterAll(() => visitor?.close());
  beforeEach(async () => {
    current = await startFixture();
  });
  afterEach(async () => {
    const complaints = await visitor.leave();
    await current.close();
    expect(complaints).toEqual([]);
  });
  return {
    browser: { open: (url, look) => visitor.open(url, look) },
    fixture: {
      get url() {
        return current.url;
      },
      get state() {
        return current.state;
      },
      emit: (event) => current.emit(event),
      emitIssue: (event) => current.emitIssue(event),
      listeners: () => current.listeners(),
      breakStreams: () => current.breakStreams(),
    },
    open: async (path, look) => (await visitor.open(current.url + path, look)).page,
  };
}
