/**
 * Brings what headcount.yaml says into the store. An entry that is new, or that was changed in the file since it was last
 * applied, is taken from the file; else what a person set in the dashboard stays. Nothing is removed: an entry
 * that was taken out of the file goes on until a person removes it.
 */
import type { Logger } from 'pino';
import type { App, Store } from '../store/store.ts';
import type { AppEntry, ChannelEntry, Config } from './config.ts';
import { newToken } from './routes/apps.ts';

export async function seed(config: Config, store: Store, log: Logger, now: number): Promise<void> {
  for (const entry of config.apps) {
    const app = await seedApp(entry, store, log, now);
    for (const { configHash, ...settings } of entry.managers) {
      const { processType, ...change } = settings;
      const stored = await store.managers.get(app.id, processType);
      if (!stored) await store.managers.create(app.id, { ...settings, configHash }, now);
      else if (stored.configHash !== configHash)
        await store.managers.update(stored.id, {
          ...change,
          combine: change.combine ?? null,
          dryRun: change.dryRun ?? false,
          configHash,
        });
      else continue;
      log.info({ app: app.name, processType }, 'the manager is set as the configuration file says');
    }
  }
  for (const entry of config.channels ?? []) await seedChannel(entry, store, log, now);
}

async function seedChannel(entry: ChannelEntry, store: Store, log: Logger, now: number): Promise<void> {
  const { configHash, ...channel } = entry;
  const key = `config.channel.${entry.name}`;
  const stored = (await store.channels.list()).find(({ name }) => name === entry.name);
  if (stored && (await store.settings.get(key)) === configHash) return;
  if (stored) await store.channels.update(stored.id, channel);
  else await store.channels.create(channel, now);
  await store.settings.set(key, configHash);
  log.info({ channel: entry.name }, 'the channel is set as the configuration file says');
}

async function seedApp(entry: AppEntry, store: Store, log: Logger, now: number): Promise<App> {
  const { name, url, fleet, configHash } = entry;
  const key = `config.app.${name}`;
  const stored = await store.apps.get(name);
  if (stored && (await store.settings.get(key)) === configHash) return stored;
  const app = stored
    ? await store.apps.update(stored.id, { url: url ?? null, fleet })
    : await store.apps.create({ name, token: newToken(), ...(url && { url }), fleet, createdAt: now });
  await store.settings.set(key, configHash);
  log.info({ app: name }, 'the app is set as the configuration file says');
  return app;
}
