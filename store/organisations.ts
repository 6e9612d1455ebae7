/** Organisations: to whom apps belong, who is a member of which with what role, and who is invited. */
import { type Kysely, type Selectable, sql, type Transaction } from 'kysely';
import { HeadcountError } from '../decide/errors.ts';
import type { Database, InvitationTable } from './database.ts';
import type { Invitation, Organisations, Role } from './store.ts';
import { notFound, rowId, text } from './values.ts';

export function createOrganisations(kysely: Kysely<Database>): Organisations {
  return {
    async list() {
      const rows = await kysely.selectFrom('organisations').selectAll().orderBy('id').execute();
      return rows.map((row) => ({ id: String(row.id), name: row.name }));
    },
    async create(name, ownerId, now) {
      return await kysely.transaction().execute(async (transaction) => {
        const { id } = await transaction
          .insertInto('organisations')
          .values({ name: text(name), created_at: Math.round(now) })
          .returning('id')
          .executeTakeFirstOrThrow();
        await join(transaction, id, ownerId, 'owner', now);
        return { id: String(id), name };
      });
    },
    async rename(id, name) {
      await kysely
        .updateTable('organisations')
        .set({ name: text(name) })
        .where('id', '=', rowId(id))
        .execute();
    },
    async memberships(personId) {
      const rows = await kysely
        .selectFrom('members')
        .innerJoin('organisations', 'organisations.id', 'members.organisation_id')
        .select(['organisations.id', 'organisations.name', 'members.role'])
        .where('person_id', '=', personId)
        .orderBy('chosen_at', 'desc')
        .orderBy('organisations.id')
        .execute();
      return rows.map(({ id, name, role }) => ({ organisationId: String(id), name, role }));
    },
    async members(id) {
      const rows = await kysely
        .selectFrom('members')
        .select(['person_id', 'role', 'joined_at'])
        .where('organisation_id', '=', rowId(id))
        .orderBy('joined_at')
        .orderBy('person_id')
        .execute();
      return rows.map((row) => ({ personId: row.person_id, role: row.role, joinedAt: row.joined_at }));
    },
    join: (id, personId, role, now) => join(kysely, rowId(id), personId, role, now),
    setRole: (id, personId, role) => changeMember(kysely, rowId(id), personId, role),
    leave: (id, personId) => changeMember(kysely, rowId(id), personId, undefined),
    async choose(id, personId, now) {
      await kysely
        .updateTable('members')
        .set({ chosen_at: Math.round(now) })
        .where('organisation_id', '=', rowId(id))
        .where('person_id', '=', personId)
        .execute();
    },
    ...invitations(kysely),
  };
}

type Invites = Pick<Organisations, 'invite' | 'invitations' | 'invitation' | 'withdraw' | 'accept'>;

function invitations(kysely: Kysely<Database>): Invites {
  return {
    async invite({ organisationId, email, role, tokenHash, invitedBy, createdAt, expiresAt }) {
      const organisation_id = rowId(organisationId);
      return await kysely.transaction().execute(async (transaction) => {
        // A second one to the same address takes the place of the first.
        await transaction
          .deleteFrom('invitations')
          .where('organisation_id', '=', organisation_id)
          .where('email', '=', text(email))
          .execute();
        const row = await transaction
          .insertInto('invitations')
          .values({
            organisation_id,
            email: text(email),
            role,
            token_hash: tokenHash,
            invited_by: text(invitedBy),
            created_at: Math.round(createdAt),
            expires_at: Math.round(expiresAt),
          })
          .returningAll()
          .executeTakeFirstOrThrow();
        return toInvitation(row);
      });
    },
    async invitations(id) {
      const rows = await kysely
        .selectFrom('invitations')
        .selectAll()
        .where('organisation_id', '=', rowId(id))
        .orderBy('id')
        .execute();
      return rows.map(toInvitation);
    },
    async invitation(tokenHash, now) {
      const row = await kysely
        .selectFrom('invitations')
        .selectAll()
        .where('token_hash', '=', tokenHash)
        .where('expires_at', '>', Math.round(now))
        .executeTakeFirst();
      return row && toInvitation(row);
    },
    async withdraw(id, invitationId) {
      const done = await kysely
        .deleteFrom('invitations')
        .where('organisation_id', '=', rowId(id))
        .where('id', '=', rowId(invitationId))
        .executeTakeFirst();
      if (Number(done.numDeletedRows) === 0) throw notFound(`invitation with the id ${invitationId}`);
    },
    async accept(tokenHash, personId, now) {
      return await kysely.transaction().execute(async (transaction) => {
        const row = await transaction
          .deleteFrom('invitations')
          .where('token_hash', '=', tokenHash)
          .where('expires_at', '>', Math.round(now))
          .returningAll()
          .executeTakeFirst();
        if (!row) return undefined;
        await join(transaction, row.organisation_id, personId, row.role, now);
        return toInvitation(row);
      });
    },
  };
}

/** Somebody who is a member already keeps the role that they have. */
async function join(
  kysely: Kysely<Database> | Transaction<Database>,
  id: number,
  personId: string,
  role: Role,
  now: number,
): Promise<void> {
  await kysely
    .insertInto('members')
    .values({ organisation_id: id, person_id: personId, role, joined_at: Math.round(now) })
    .onConflict((conflict) => conflict.columns(['organisation_id', 'person_id']).doNothing())
    .execute();
}

/** The owners are locked first, so that two who leave at once cannot both be the last but one. */
async function changeMember(
  kysely: Kysely<Database>,
  id: number,
  personId: string,
  role: Role | undefined,
): Promise<void> {
  await kysely.transaction().execute(async (transaction) => {
    const owners = await transaction
      .selectFrom('members')
      .select('person_id')
      .where('organisation_id', '=', id)
      .where('role', '=', 'owner')
      .orderBy('person_id')
      .forUpdate()
      .execute();
    const isLast = owners.length === 1 && owners[0]?.person_id === personId;
    if (isLast && role !== 'owner') throw lastOwner();
    const changed = role
      ? await sql`update members set role = ${role} where organisation_id = ${id} and person_id = ${personId}
          returning role`.execute(transaction)
      : await sql`delete from members where organisation_id = ${id} and person_id = ${personId}
          returning role`.execute(transaction);
    if (changed.rows.length === 0) throw notFound('such member');
  });
}

function toInvitation(row: Selectable<InvitationTable>): Invitation {
  return {
    id: String(row.id),
    organisationId: String(row.organisation_id),
    email: row.email,
    role: row.role,
    invitedBy: row.invited_by,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
  };
}

function lastOwner(): HeadcountError {
  return new HeadcountError(
    'LAST_OWNER',
    'The last owner cannot go',
    'nobody could manage the organisation any more',
    'Make somebody else an owner first.',
  );
}
