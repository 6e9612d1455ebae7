/**
 * The calls of the API. Made from the API document by generate.ts; to make it anew:
 * UPDATE_CLIENT=1 npx vitest run server/client
 */
// biome-ignore-all format: one line per entry
import type { CallOptions } from './client.ts';
import type { Acceptance, Account, Adapters, ApiKey, ApiKeySettings, App, AppChange, AppSettings, AuditPage, Channel, ChannelChange, ChannelSettings, Cost, Crew, Decisions, Evaluation, FoundDecisions, HeldSecret, Hold, Inbox, InfoTest, Invitation, InvitationLook, InvitationSettings, InvitationToken, Issues, LogInWays, Manager, ManagerChange, ManagerSettings, Me, Member, MemberChange, NewApiKey, NewInvitation, Organisation, OrganisationSettings, Overview, SentAgain, Series, Session, SetUp, SetupGuide, TaskSeries, Tasks, WhatIfAnswer } from './shapes.ts';

export interface Client {
  /** Accept an invitation: logged in as whom it is for, or with a name and a password for a new account. */
  acceptInvitation(asked: { body: Acceptance }, options?: CallOptions): Promise<Me>;
  /** Add an app. */
  addApp(asked: { body: AppSettings }, options?: CallOptions): Promise<App>;
  /** Add a manager for a process type. */
  addAppManager(asked: { app: string; body: ManagerSettings }, options?: CallOptions): Promise<Manager>;
  /** Add a channel. */
  addChannel(asked: { body: ChannelSettings }, options?: CallOptions): Promise<Channel>;
  /** Add an organisation; you become its owner. */
  addOrganisation(asked: { body: OrganisationSettings }, options?: CallOptions): Promise<Organisation>;
  /** Invite somebody; an earlier invitation to the same e-mail ends. */
  addOrganisationInvitation(asked: { organisation: string; body: InvitationSettings }, options?: CallOptions): Promise<NewInvitation>;
  /** Make a key; its role is at most your own. */
  addOrganisationKey(asked: { organisation: string; body: ApiKeySettings }, options?: CallOptions): Promise<NewApiKey>;
  /** A link to choose a new password, for the command line of this machine only. */
  addResetLink(asked: { body: { email: string } }, options?: CallOptions): Promise<{ token: string }>;
  /** Change the address or the fleet of an app. */
  changeApp(asked: { app: string; body: AppChange }, options?: CallOptions): Promise<App>;
  /** Change the meters, rules, limits, formula or bounds of a manager, or pause it. */
  changeAppManager(asked: { app: string; processType: string; body: ManagerChange }, options?: CallOptions): Promise<Manager>;
  /** Change a channel. */
  changeChannel(asked: { id: string; body: ChannelChange }, options?: CallOptions): Promise<Channel>;
  /** Rename an organisation. */
  changeOrganisation(asked: { organisation: string; body: OrganisationSettings }, options?: CallOptions): Promise<void>;
  /** Change the role of a member; owners are changed by owners only. */
  changeOrganisationMember(asked: { organisation: string; person: string; body: MemberChange }, options?: CallOptions): Promise<void>;
  /** Whether secrets are the stored ones, without telling them. */
  compareSecrets(asked: { body: HeldSecret[] }, options?: CallOptions): Promise<boolean[]>;
  /** Measure and decide now; change and record nothing. */
  evaluate(asked: { app: string; processType: string }, options?: CallOptions): Promise<Evaluation>;
  /** One app with its managers. */
  getApp(asked: { app: string }, options?: CallOptions): Promise<App>;
  /** What the app pushes here: HireFire libraries, agents and log drains. */
  getAppInbox(asked: { app: string }, options?: CallOptions): Promise<Inbox>;
  /** One manager. */
  getAppManager(asked: { app: string; processType: string }, options?: CallOptions): Promise<Manager>;
  /** The commands and lines of code that make the app speak to this controller. */
  getAppSetupGuide(asked: { app: string; processType?: string; measure?: "jobs" | "latency" | "requests"; address?: string }, options?: CallOptions): Promise<SetupGuide>;
  /** Every change: who, what, before and after, when, from where. */
  getAudit(asked?: { limit?: number; before?: string }, options?: CallOptions): Promise<AuditPage>;
  /** The embedded store as one file, as `headcount restore` takes it. */
  getBackup(asked?: Record<string, never>, options?: CallOptions): Promise<ArrayBuffer>;
  /** What the processes of all apps used and cost. */
  getCost(asked?: { from?: number; until?: number }, options?: CallOptions): Promise<Cost>;
  /** By what one can log in. */
  getLogIn(asked?: Record<string, never>, options?: CallOptions): Promise<LogInWays>;
  /** Who is asking; answers without a session too. */
  getMe(asked?: Record<string, never>, options?: CallOptions): Promise<Me>;
  /** By what you log in. */
  getMeAccount(asked?: Record<string, never>, options?: CallOptions): Promise<Account>;
  /** All apps with what waits, what runs and what they cost today. */
  getOverview(asked?: { from?: number }, options?: CallOptions): Promise<Overview>;
  /** Meters, rules, limits, fleets and notifiers with their options. */
  listAdapters(asked?: Record<string, never>, options?: CallOptions): Promise<Adapters>;
  /** Decisions with their reasons. */
  listAppManagerDecisions(asked: { app: string; processType: string; limit?: number; before?: string }, options?: CallOptions): Promise<Decisions>;
  /** What was measured and desired. */
  listAppManagerSeries(asked: { app: string; processType: string; from?: number; to?: number }, options?: CallOptions): Promise<Series>;
  /** Tasks by name: how many, how long, how often they failed. */
  listAppTasks(asked: { app: string; from?: number; to?: number; satisfiedMs?: number }, options?: CallOptions): Promise<Tasks>;
  /** One task over time. */
  listAppTasksSeries(asked: { app: string; task?: string; queue?: string; from?: number; to?: number }, options?: CallOptions): Promise<TaskSeries>;
  /** Who runs now, by process type. */
  listAppWorkers(asked: { app: string }, options?: CallOptions): Promise<Crew>;
  /** All apps with their managers. */
  listApps(asked?: { limit?: number; after?: string }, options?: CallOptions): Promise<App[]>;
  /** Where people are told. */
  listChannels(asked?: { limit?: number; after?: string }, options?: CallOptions): Promise<Channel[]>;
  /** Decisions of all managers with their reasons. */
  listDecisions(asked?: { app?: string; processType?: string; outcome?: "scaled" | "failed" | "dry-run" | "kept"; only?: "changes" | "failures"; from?: number; limit?: number; before?: string }, options?: CallOptions): Promise<FoundDecisions>;
  /** What needs a person. */
  listIssues(asked?: { app?: string; open?: "true" | "false"; limit?: number; before?: string }, options?: CallOptions): Promise<Issues>;
  /** Where you are logged in. */
  listMeSessions(asked?: Record<string, never>, options?: CallOptions): Promise<Session[]>;
  /** Who is invited. */
  listOrganisationInvitations(asked: { organisation: string }, options?: CallOptions): Promise<Invitation[]>;
  /** Keys of an organisation. */
  listOrganisationKeys(asked: { organisation: string }, options?: CallOptions): Promise<ApiKey[]>;
  /** Who is in an organisation. */
  listOrganisationMembers(asked: { organisation: string }, options?: CallOptions): Promise<Member[]>;
  /** Organisations in which you have a role. */
  listOrganisations(asked?: Record<string, never>, options?: CallOptions): Promise<Organisation[]>;
  /** What an invitation is for. */
  lookAtInvitation(asked: { body: InvitationToken }, options?: CallOptions): Promise<InvitationLook>;
  /** Remove an app with its managers and history; its processes are stopped. */
  removeApp(asked: { app: string }, options?: CallOptions): Promise<void>;
  /** Remove a manager and its history; its processes stay as they are. */
  removeAppManager(asked: { app: string; processType: string }, options?: CallOptions): Promise<void>;
  /** End a hold. */
  removeAppManagerHold(asked: { app: string; processType: string }, options?: CallOptions): Promise<Manager>;
  /** Let one worker go: it finishes its work and ends; the manager hires another where one is needed. */
  removeAppWorker(asked: { app: string; worker: string }, options?: CallOptions): Promise<void>;
  /** Remove a channel. */
  removeChannel(asked: { id: string }, options?: CallOptions): Promise<void>;
  /** End one of your sessions. */
  removeMeSession(asked: { session: string }, options?: CallOptions): Promise<void>;
  /** Withdraw an invitation. */
  removeOrganisationInvitation(asked: { organisation: string; invitation: string }, options?: CallOptions): Promise<void>;
  /** Revoke a key; it ends at once. */
  removeOrganisationKey(asked: { organisation: string; key: string }, options?: CallOptions): Promise<void>;
  /** Take a member out; owners are taken out by owners only. */
  removeOrganisationMember(asked: { organisation: string; person: string }, options?: CallOptions): Promise<void>;
  /** Leave an organisation; its last owner cannot. */
  removeOrganisationMembersMe(asked: { organisation: string }, options?: CallOptions): Promise<void>;
  /** Give the app a new token; the old one ends. */
  renewToken(asked: { app: string }, options?: CallOptions): Promise<App>;
  /** Send a failed task again, once: the same name, arguments and queue under a new id. */
  sendTaskAgain(asked: { app: string; task: string }, options?: CallOptions): Promise<SentAgain>;
  /** Keep a count, whatever the rules want. */
  setAppManagerHold(asked: { app: string; processType: string; body: Hold }, options?: CallOptions): Promise<Manager>;
  /** Choose the organisation in which you work: what you add belongs to it. */
  setMeOrganisation(asked: { body: { id: string } }, options?: CallOptions): Promise<void>;
  /** Make the first person, with the token of the set-up link, and log in. */
  setUp(asked: { body: SetUp }, options?: CallOptions): Promise<Me>;
  /** Ask the app's info endpoint now. */
  testApp(asked: { app: string }, options?: CallOptions): Promise<InfoTest>;
  /** Send a test message now. */
  testChannel(asked: { id: string }, options?: CallOptions): Promise<void>;
  /** What the last week would have looked like under other settings; nothing is changed. */
  whatIf(asked: { app: string; processType: string; body: ManagerChange }, options?: CallOptions): Promise<WhatIfAnswer>;
}

/** Method, path, and what of the argument goes into the query. */
export const calls: Readonly<Record<keyof Client, readonly [method: string, path: string, ...query: string[]]>> = {
  acceptInvitation: ['POST', '/api/invitations/accept'],
  addApp: ['POST', '/api/apps'],
  addAppManager: ['POST', '/api/apps/{app}/managers'],
  addChannel: ['POST', '/api/channels'],
  addOrganisation: ['POST', '/api/organisations'],
  addOrganisationInvitation: ['POST', '/api/organisations/{organisation}/invitations'],
  addOrganisationKey: ['POST', '/api/organisations/{organisation}/keys'],
  addResetLink: ['POST', '/api/reset-links'],
  changeApp: ['PATCH', '/api/apps/{app}'],
  changeAppManager: ['PATCH', '/api/apps/{app}/managers/{processType}'],
  changeChannel: ['PATCH', '/api/channels/{id}'],
  changeOrganisation: ['PATCH', '/api/organisations/{organisation}'],
  changeOrganisationMember: ['PATCH', '/api/organisations/{organisation}/members/{person}'],
  compareSecrets: ['POST', '/api/configuration/secrets'],
  evaluate: ['POST', '/api/apps/{app}/managers/{processType}/evaluate'],
  getApp: ['GET', '/api/apps/{app}'],
  getAppInbox: ['GET', '/api/apps/{app}/inbox'],
  getAppManager: ['GET', '/api/apps/{app}/managers/{processType}'],
  getAppSetupGuide: ['GET', '/api/apps/{app}/setup-guide', 'processType', 'measure', 'address'],
  getAudit: ['GET', '/api/audit', 'limit', 'before'],
  getBackup: ['GET', '/api/backup'],
  getCost: ['GET', '/api/cost', 'from', 'until'],
  getLogIn: ['GET', '/api/log-in'],
  getMe: ['GET', '/api/me'],
  getMeAccount: ['GET', '/api/me/account'],
  getOverview: ['GET', '/api/overview', 'from'],
  listAdapters: ['GET', '/api/adapters'],
  listAppManagerDecisions: ['GET', '/api/apps/{app}/managers/{processType}/decisions', 'limit', 'before'],
  listAppManagerSeries: ['GET', '/api/apps/{app}/managers/{processType}/series', 'from', 'to'],
  listAppTasks: ['GET', '/api/apps/{app}/tasks', 'from', 'to', 'satisfiedMs'],
  listAppTasksSeries: ['GET', '/api/apps/{app}/tasks/series', 'task', 'queue', 'from', 'to'],
  listAppWorkers: ['GET', '/api/apps/{app}/workers'],
  listApps: ['GET', '/api/apps', 'limit', 'after'],
  listChannels: ['GET', '/api/channels', 'limit', 'after'],
  listDecisions: ['GET', '/api/decisions', 'app', 'processType', 'outcome', 'only', 'from', 'limit', 'before'],
  listIssues: ['GET', '/api/issues', 'app', 'open', 'limit', 'before'],
  listMeSessions: ['GET', '/api/me/sessions'],
  listOrganisationInvitations: ['GET', '/api/organisations/{organisation}/invitations'],
  listOrganisationKeys: ['GET', '/api/organisations/{organisation}/keys'],
  listOrganisationMembers: ['GET', '/api/organisations/{organisation}/members'],
  listOrganisations: ['GET', '/api/organisations'],
  lookAtInvitation: ['POST', '/api/invitations/look'],
  removeApp: ['DELETE', '/api/apps/{app}'],
  removeAppManager: ['DELETE', '/api/apps/{app}/managers/{processType}'],
  removeAppManagerHold: ['DELETE', '/api/apps/{app}/managers/{processType}/hold'],
  removeAppWorker: ['DELETE', '/api/apps/{app}/workers/{worker}'],
  removeChannel: ['DELETE', '/api/channels/{id}'],
  removeMeSession: ['DELETE', '/api/me/sessions/{session}'],
  removeOrganisationInvitation: ['DELETE', '/api/organisations/{organisation}/invitations/{invitation}'],
  removeOrganisationKey: ['DELETE', '/api/organisations/{organisation}/keys/{key}'],
  removeOrganisationMember: ['DELETE', '/api/organisations/{organisation}/members/{person}'],
  removeOrganisationMembersMe: ['DELETE', '/api/organisations/{organisation}/members/me'],
  renewToken: ['POST', '/api/apps/{app}/token'],
  sendTaskAgain: ['POST', '/api/apps/{app}/tasks/failures/{task}/send-again'],
  setAppManagerHold: ['PUT', '/api/apps/{app}/managers/{processType}/hold'],
  setMeOrganisation: ['PUT', '/api/me/organisation'],
  setUp: ['POST', '/api/setup'],
  testApp: ['POST', '/api/apps/{app}/test'],
  testChannel: ['POST', '/api/channels/{id}/test'],
  whatIf: ['POST', '/api/apps/{app}/managers/{processType}/what-if'],
};
