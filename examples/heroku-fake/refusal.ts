/** What the Platform API answers when it refuses: `{ id, message, url }` with a status. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly id: string;
  readonly more: Readonly<Record<string, unknown>>;

  constructor(status: number, id: string, message: string, more: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.status = status;
    this.id = id;
    this.more = more;
  }

  body(): Record<string, unknown> {
    const { id, message, more } = this;
    return {
      id,
      message,
      url: `https://devcenter.heroku.com/articles/platform-api-reference#${id}`,
      ...more,
    };
  }
}

export function invalid(message: string): Refusal {
  return new Refusal(422, 'invalid_params', message);
}

export function notFound(what: string): Refusal {
  return new Refusal(404, 'not_found', `Couldn't find that ${what}.`);
}
