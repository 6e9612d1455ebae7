/** Copies of an embedded store, for the command line, which has its words from here. */
export { backUpFolder, type Restored, restore as restoreFolder, saveBackup } from '../store/backup.ts';
