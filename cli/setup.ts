/**
 * `headcount setup`: from nothing to a managed process type in seven steps, against a running controller.
 *
 *   1 app  2 manager  3 token  4 library  5 deploy  6 test  7 go
 *
 * Every question has a flag, so the same walk works in a script; `--yes` takes what is proposed. Each step is done when it says
 * so and stays done: after Ctrl-C or an error the command takes up what is there. The manager is made paused, so nothing is
 * scaled before the last step.
 */
import type { App, Manager } from '../server/api.ts';
import { HeadcountError } from '../server/errors.ts';
import { type Measure, measures, type SetupGuide } from '../server/setup-guide.ts';
import { type Asker, createAsker, type Question, Stopped, stoppedExit } from './ask.ts';
import { call, type Target } from './call.ts';
import { findController } from './eval.ts';
import { connectionOf } from './setup/connection.ts';
import { choose, managerFor } from './setup/manager.ts';
import { lookAround, type Surroundings } from './setup/surroundings.ts';

export interface SetupOptions {
  readonly app?: string;
  readonly appUrl?: string;
  readonly type?: string;
  readonly procfile?: string;
  readonly language?: string;
  readonly framework?: string;
  readonly measure?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly goal?: number;
  readonly publicUrl?: string;
  readonly herokuApp?: string;
  /** Seconds that the test waits for the app. */
  readonly wait: number;
  readonly enable?: boolean;
  readonly yes?: boolean;
  readonly url?: string;
  readonly config?: string;
  readonly data?: string;
}

export interface Desk {
  readonly options: SetupOptions;
  readonly target: Target;
  readonly asker: Asker;
  readonly around: Surroundings;
  /** A flag's value, else the answer, else with `--yes` what is proposed. */
  answer(given: string | undefined, question: Question): Promise<string>;
}

const stepCount = 7;
const retryMs = 2_000;

export async function setup(options: SetupOptions): Promise<number> {
  const around = lookAround(process.cwd(), options.procfile);
  const target = await findController(options);
  const asker = createAsker(process.stdin, process.stdout);
  const done: string[] = [];
  try {
    await walk({ options, target, asker, around, answer: answerer(options, asker) }, done);
    return 0;
  } catch (error) {
    if (done.length > 0)
      say(`\nDone so far and kept: ${done.join(', ')}. The same command goes on from there.`);
    if (!(error instanceof Stopped)) throw error;
    say(done.length > 0 ? 'Stopped.' : '\nStopped. Nothing was changed.');
    return stoppedExit;
  } finally {
    asker.close();
  }
}

async function walk(desk: Desk, done: string[]): Promise<void> {
  say(`Setting up an app at ${desk.target.url}. Ctrl-C stops at any step.`);
  const app = await setUpApp(desk);
  done.push(`the app ${app.name}`);
  const { manager, measure } = await setUpManager(desk, app);
  done.push(`the manager ${manager.processType}`);
  const guide = await showToken(desk, app, manager, measure);
  await showLibrary(desk, guide);
  await deploy(desk);
  const heard = await test(desk, app, manager, measure);
  await go(desk, app, manager, heard);
}

async function setUpApp({ answer, options, target, around }: Desk): Promise<App> {
  step(1, 'App');
  const name = await answer(options.app, {
    ask: 'Name of the app',
    preset: around.appName,
    flag: '--app NAME',
    problem: (text) =>
      /^[a-z0-9][a-z0-9-]{0,62}$/.test(text)
        ? undefined
        : 'Take lower-case letters, digits and hyphens, at most 63.',
  });
  const apps = await call<App[]>(target, 'GET', '/api/apps');
  const known = apps.find((app) => app.name === name);
  const url = await answer(options.appUrl, {
    ask: 'Address of the app, empty when it has none',
    preset: known?.url ?? '',
    flag: '--app-url ADDRESS',
    problem: (text) =>
      text === '' || /^https?:\/\/[^\s/]+/.test(text)
        ? undefined
        : 'Write it like https://music.example.com.',
  });
  if (known && url === (known.url ?? '')) {
    say(`  The app ${name} is there already.`);
    return known;
  }
  const app = known
    ? await call<App>(target, 'PATCH', `/api/apps/${name}`, { url: url || null })
    : await call<App>(target, 'POST', '/api/apps', { name, ...(url && { url }) });
  say(
    known ? `  The address of ${name} is ${url || 'removed'}.` : `  The app ${name} is made, as a dry run.`,
  );
  return app;
}

async function setUpManager(desk: Desk, app: App): Promise<{ manager: Manager; measure: Measure }> {
  step(2, 'Manager');
  const { answer, options, around, target } = desk;
  const { processTypes } = around;
  if (processTypes.length > 0) say(`  The Procfile has ${processTypes.join(', ')}.`);
  const processType = await answer(options.type, {
    ask: 'Process type to manage, as the Procfile names it',
    preset: processTypes.find((type) => type !== 'web' && type !== 'release') ?? processTypes[0] ?? 'worker',
    flag: '--type NAME',
    problem: (text) => choose('process type', text, processTypes),
  });
  const known = app.managers.find((manager) => manager.processType === processType);
  const measure = (await answer(options.measure, {
    ask: `What is measured: ${measures.join(', ')}`,
    preset: processType === 'web' ? 'requests' : 'jobs',
    flag: '--measure NAME',
    problem: (text) => choose('measure', text, measures),
  })) as Measure;
  if (known) {
    say(`  The manager ${processType} is there already and is left as it is.`);
    return { manager: known, measure };
  }
  const settings = await managerFor(desk, processType, measure);
  const manager = await call<Manager>(target, 'POST', `/api/apps/${app.name}/managers`, settings);
  say(
    `  The manager ${processType} is made: ${manager.minimum} to ${manager.maximum} processes, paused until step 7.`,
  );
  return { manager, measure };
}

async function showToken(
  { options, target }: Desk,
  app: App,
  { processType }: Manager,
  measure: Measure,
): Promise<SetupGuide> {
  step(3, 'Token');
  const query = new URLSearchParams({
    processType,
    measure,
    ...(options.publicUrl !== undefined && { address: options.publicUrl }),
  });
  const guide = await call<SetupGuide>(target, 'GET', `/api/apps/${app.name}/setup-guide?${query}`);
  say('  Set it where the app runs. One of these, to copy:\n');
  for (const { title, text } of guide.commands) say(`  # ${title}\n  ${text}\n`);
  if (guide.warning) say(`  Note: ${guide.warning}.`);
  return guide;
}

async function showLibrary({ answer, options, around }: Desk, { libraries }: SetupGuide): Promise<void> {
  step(4, 'Library');
  const languages = [...new Set(libraries.map(({ language }) => language))];
  const language = await answer(options.language, {
    ask: `Language of the app: ${languages.join(', ')}`,
    preset: around.language ?? 'other',
    flag: '--language NAME',
    problem: (text) => choose('language', text, languages),
  });
  const of = libraries.filter((library) => library.language === language);
  const frameworks = of.map(({ framework }) => framework);
  const seen = language === around.language ? around.framework : undefined;
  const framework =
    frameworks.length === 1
      ? frameworks[0]
      : await answer(options.framework, {
          ask: `Framework: ${frameworks.join(', ')}`,
          preset: seen ?? frameworks[0] ?? '',
          flag: '--framework NAME',
          problem: (text) => choose('framework', text, frameworks),
        });
  const library = of.find((each) => each.framework === framework);
  if (!library) return;
  say(`  ${library.install}\n\n  ${library.title}, ${library.file}:\n`);
  say(library.code.replace(/^(?=.)/gm, '    '));
}

async function deploy({ answer }: Desk): Promise<void> {
  step(5, 'Deploy');
  await answer(undefined, { ask: 'Deploy the app with both, then press Enter', preset: '', flag: '--yes' });
}

/** True when the app was heard. It may be set up before it is deployed, so a test that fails ends nothing. */
async function test(desk: Desk, app: App, { processType }: Manager, measure: Measure): Promise<boolean> {
  step(6, 'Test');
  const { asker, options, target } = desk;
  const end = Date.now() + options.wait * 1_000;
  for (;;) {
    const { ok, text } = await connectionOf(target, app.name, processType, measure);
    if (ok) {
      say(`  Connected: ${text}.`);
      return true;
    }
    if (Date.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, Math.min(retryMs, Math.max(1, end - Date.now()))));
      continue;
    }
    say(`  Not yet: ${text}.`);
    if (options.yes || !asker.interactive) return false;
    if (!(await asker.yes({ ask: '  Try again', preset: 'yes', flag: '--wait DURATION' }))) return false;
  }
}

async function go(
  { answer, asker, options, target }: Desk,
  app: App,
  manager: Manager,
  heard: boolean,
): Promise<void> {
  step(7, 'Go');
  const heroku = await answer(options.herokuApp, {
    ask: 'App at Heroku to scale, empty for a dry run',
    preset: String(app.fleet.use === 'heroku' ? app.fleet.options.app : ''),
    flag: '--heroku-app NAME',
  });
  if (heroku !== '' && app.fleet.use !== 'heroku') await runAtHeroku({ asker, options, target }, app, heroku);
  const ask = heard ? 'Let it scale from now on' : 'Let it scale already, although the app was not heard';
  const enable =
    options.enable ??
    (options.yes || !asker.interactive
      ? false
      : await asker.yes({ ask, preset: heard ? 'yes' : 'no', flag: '--enable' }));
  const path = `/api/apps/${app.name}/managers/${manager.processType}`;
  if (enable && manager.paused) await call(target, 'PATCH', path, { paused: false });
  const fleet =
    heroku === '' && app.fleet.use === 'dry-run' ? 'a dry run: it shows what it would do' : 'in force';
  say(
    enable || !manager.paused
      ? `  The manager ${manager.processType} decides from now on; its fleet is ${fleet}.`
      : `  The manager ${manager.processType} watches and is paused. Add --enable, or resume it in the dashboard.`,
  );
  say(`\n${target.url}/apps/${app.name}`);
}

async function runAtHeroku(
  { asker, target }: Pick<Desk, 'asker' | 'options' | 'target'>,
  app: App,
  name: string,
) {
  const given = process.env.HEROKU_API_KEY;
  const ask = 'Key of Heroku (not shown), empty when the controller has HEROKU_API_KEY';
  const flag = 'it in the environment as HEROKU_API_KEY';
  const apiKey = given ?? (asker.interactive ? await asker.secret({ ask, preset: '', flag }) : '');
  const fleet = { use: 'heroku', options: { app: name, ...(apiKey && { apiKey }) } };
  await call(target, 'PATCH', `/api/apps/${app.name}`, { fleet });
  say(`  The fleet of ${app.name} is ${name} at Heroku.`);
}

function answerer({ yes }: SetupOptions, asker: Asker): Desk['answer'] {
  return async (given, question) => {
    const taken = given ?? (yes ? question.preset : undefined);
    if (taken === undefined) return await asker.text({ ...question, ask: `  ${question.ask}` });
    const wrong = question.problem?.(taken);
    if (wrong === undefined) return taken;
    throw new HeadcountError(
      'ANSWER_NEEDED',
      `"${taken}" is no answer`,
      wrong.replace(/\.$/, ''),
      `Give ${question.flag}.`,
    );
  };
}

function step(number: number, title: string): void {
  say(`\n${number}/${stepCount}  ${title}`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
